import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.entities.text import REMOVED, clean, clean_all, one_line


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("two\nlines\tand tab", "two\nlines\tand tab", id="newline-and-tab-stay"),
        pytest.param("dos\r\nlines", "dos\nlines", id="dos-newline"),
        pytest.param("a\x00b\x1b[31mc\x7f\x9b", "ab[31mc", id="controls"),
        pytest.param("a\u202eb\u2066c\u200f", "abc", id="bidi"),
        pytest.param("a\U000e0041\U000e007fb", "ab", id="tags"),
        pytest.param("a\ufeff\u2060b", "ab", id="invisible"),
        pytest.param("Ü 漢字 👩‍👩‍👧", "Ü 漢字 👩‍👩‍👧", id="joined-emoji-stays"),
        pytest.param("a\ud800b", "ab", id="lone-surrogate"),
    ],
)
def test_what_a_reader_cannot_see_is_taken_out(stored, shown):
    assert clean(stored) == shown


@given(st.text())
def test_cleaned_text_stays_as_it_is(text):
    once = clean(text)

    assert clean(once) == once
    assert not any(ord(sign) in REMOVED for sign in once)


def test_texts_inside_json_are_cleaned_too():
    assert clean_all({"a\u202e": ["b\x00", {"c": 1}, None, True]}) == {
        "a": ["b", {"c": 1}, None, True]
    }


def test_one_line_is_flat_and_short():
    assert one_line("a\n b\t\tc") == "a b c"
    assert one_line("x" * 200, 10) == "xxxxxxxxx…"
