"""How an operator makes the pages look like theirs: a name, a logo, a colour.

The logo is read once, at start. Whatever a file says of its type, its first bytes decide.
"""

from dataclasses import dataclass, field
from pathlib import Path

from atoms_mcp.errors import ConfigError
from atoms_mcp.settings import ServerSettings
from atoms_mcp.web.colour import ink_on, mix, readable_on

MAX_LOGO_BYTES = 200 * 1024
PNG = b"\x89PNG\r\n\x1a\n"
# Grounds of the stylesheet that coloured text stands on, darkest of the light and lightest of
# the dark ones: what can be read there can be read on the others.
LIGHT_GROUND = "#f6f7f9"
DARK_GROUND = "#1b1f26"


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is served; `kind` is also the ending of its name."""

    kind: str
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """Give its media type."""
        return "image/svg+xml" if self.kind == "svg" else "image/png"


@dataclass(frozen=True, slots=True)
class Theme:
    """What distinguishes the pages of one server; `logo` is None where the mark is ours."""

    name: str
    accent: str
    logo: Logo | None = None

    def variables(self) -> str:
        """Give the colours as declarations of CSS, readable in light and in dark."""
        on_light = readable_on(self.accent, LIGHT_GROUND)
        on_dark = readable_on(self.accent, DARK_GROUND)
        ink = ink_on(self.accent)
        return (
            f":root{{--accent:{self.accent};--on-accent:{ink};"
            f"--accent-hover:{mix(self.accent, _away_from(ink), 0.12)};"
            f"--accent-text:{on_light}}}"
            f"@media(prefers-color-scheme:dark){{:root{{--accent-text:{on_dark}}}}}"
        )


def load_theme(settings: ServerSettings) -> Theme:
    """Read the theme of the settings.

    Raises:
        ConfigError: the logo cannot be read, is too large, or is neither SVG nor PNG.
    """
    path = settings.theme_logo
    logo = None if path is None else _read_logo(path)
    return Theme(settings.theme_name, settings.theme_accent, logo)


def _read_logo(path: Path) -> Logo:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_LOGO_BYTES + 1)
    except OSError as exc:
        raise ConfigError([f"ATOMS_THEME_LOGO: {path} cannot be read ({exc.strerror})"]) from exc
    if len(body) > MAX_LOGO_BYTES:
        limit = MAX_LOGO_BYTES // 1024
        raise ConfigError([f"ATOMS_THEME_LOGO: {path} is larger than {limit} KB"])
    if body.startswith(PNG):
        return Logo("png", body)
    if _is_svg(body):
        return Logo("svg", body)
    raise ConfigError([f"ATOMS_THEME_LOGO: {path} is neither an SVG nor a PNG picture"])


def _is_svg(body: bytes) -> bool:
    head = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in body


def _away_from(ink: str) -> str:
    """Give what a button that is pointed at moves towards, so that its text stays readable."""
    return "#000000" if ink == "#ffffff" else "#ffffff"
