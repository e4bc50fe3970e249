import pytest

from atoms_mcp.web.colour import READABLE, contrast, ink_on, mix, readable_on
from atoms_mcp.web.theme import DARK_GROUND, LIGHT_GROUND

ACCENTS = ["#3157d5", "#ffffff", "#000000", "#ffdd00", "#00ff00", "#767676", "#ff00ff", "#0c0e12"]


def test_contrast_is_that_of_the_specification():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("accent", ACCENTS)
def test_text_on_any_accent_can_be_read(accent):
    assert contrast(ink_on(accent), accent) >= READABLE


@pytest.mark.parametrize("ground", [LIGHT_GROUND, DARK_GROUND, "#767676", "#ffffff"])
@pytest.mark.parametrize("accent", ACCENTS)
def test_any_accent_as_text_can_be_read_on_any_ground(accent, ground):
    assert contrast(readable_on(accent, ground), ground) >= READABLE


def test_where_hardly_anything_can_be_read_the_ink_itself_is_taken():
    assert readable_on("#757575", "#757575") == "#ffffff"


def test_an_accent_that_can_be_read_is_left_alone():
    assert readable_on("#3157d5", LIGHT_GROUND) == "#3157d5"


def test_colours_are_mixed_by_their_share():
    assert mix("#000000", "#ffffff", 0) == "#000000"
    assert mix("#000000", "#ffffff", 1) == "#ffffff"
    assert mix("#102030", "#ffffff", 0.5) == "#889098"
