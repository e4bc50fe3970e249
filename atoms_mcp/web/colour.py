"""Colours of a theme that stay readable, whatever colour its operator chose.

Pure. A colour is `#rrggbb`.

Source: WCAG 2.2, relative luminance and contrast ratio, success criterion 1.4.3.
"""

# What text of normal size needs against its ground.
READABLE = 4.5
BLACK = "#000000"
WHITE = "#ffffff"
STEPS = 50


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours, 1 to 21."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def ink_on(ground: str) -> str:
    """Give black or white, whichever is easier to read; the better one always is enough."""
    return max(WHITE, BLACK, key=lambda ink: contrast(ink, ground))


def readable_on(colour: str, ground: str) -> str:
    """Give `colour` itself where it can be read on `ground`, else the next shade that can."""
    towards = ink_on(ground)
    for step in range(STEPS):
        shade = mix(colour, towards, step / STEPS)
        if contrast(shade, ground) >= READABLE:
            return shade
    return towards


def mix(one: str, other: str, share: float) -> str:
    """Give a colour that is `share` (0 to 1) of the way from `one` to `other`."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    dark_end = 0.04045
    return channel / 12.92 if channel <= dark_end else ((channel + 0.055) / 1.055) ** 2.4
