import re

import pytest

from atoms_mcp.errors import ConfigError
from atoms_mcp.web.colour import READABLE, contrast
from atoms_mcp.web.theme import DARK_GROUND, LIGHT_GROUND, MAX_LOGO_BYTES, PNG, Theme, load_theme

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


@pytest.fixture
def load(supabase, tmp_path):
    """Load the theme of a logo with these bytes."""

    def one(body, name="logo"):
        path = tmp_path / name
        path.write_bytes(body)
        return load_theme(supabase.settings(ATOMS_THEME_LOGO=str(path)))

    return one


async def test_without_settings_it_is_ours(supabase):
    assert load_theme(supabase.settings()) == Theme("Atoms", "#3157d5", None)


async def test_name_and_accent_are_the_operators(supabase):
    theme = load_theme(
        supabase.settings(ATOMS_THEME_NAME="Acme <Lab>", ATOMS_THEME_ACCENT="#FFDD00")
    )

    assert theme == Theme("Acme <Lab>", "#ffdd00", None)


@pytest.mark.parametrize(
    "body", [SVG, b'\xef\xbb\xbf <?xml version="1.0"?>' + SVG, b"<!-- made by hand -->" + SVG]
)
async def test_an_svg_is_known_by_its_first_bytes(load, body):
    logo = load(body, "logo.png").logo

    assert (logo.kind, logo.content_type, logo.body) == ("svg", "image/svg+xml", body)


async def test_a_png_is_known_by_its_first_bytes(load):
    logo = load(PNG + b"rest", "logo.svg").logo

    assert (logo.kind, logo.content_type) == ("png", "image/png")


@pytest.mark.parametrize(
    "body", [b"", b"GIF89a", b"<html><svg></svg></html>", b"<?xml version='1.0'?><html/>"]
)
async def test_anything_else_is_refused(load, body):
    with pytest.raises(ConfigError, match="neither an SVG nor a PNG"):
        load(body)


async def test_a_logo_that_is_too_large_is_refused(load):
    assert load(SVG + b" " * (MAX_LOGO_BYTES - len(SVG))).logo
    with pytest.raises(ConfigError, match="larger than 200 KB"):
        load(SVG + b" " * (MAX_LOGO_BYTES - len(SVG) + 1))


async def test_a_logo_that_is_not_there_is_refused(supabase, tmp_path):
    with pytest.raises(ConfigError, match=r"ATOMS_THEME_LOGO: .*none\.svg cannot be read"):
        load_theme(supabase.settings(ATOMS_THEME_LOGO=str(tmp_path / "none.svg")))


@pytest.mark.parametrize("accent", ["#3157d5", "#ffffff", "#ffdd00", "#000000"])
def test_every_colour_of_the_stylesheet_can_be_read(accent):
    said = re.findall(r"--([a-z-]+):(#[0-9a-f]{6})", Theme("x", accent).variables())
    *light, (_, on_dark) = said
    colours = dict(light)

    assert contrast(colours["on-accent"], colours["accent"]) >= READABLE
    assert contrast(colours["on-accent"], colours["accent-hover"]) >= READABLE
    assert contrast(colours["accent-text"], LIGHT_GROUND) >= READABLE
    assert contrast(on_dark, DARK_GROUND) >= READABLE
