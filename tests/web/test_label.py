import pytest

from atoms_mcp.web.label import render_label


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("MCP Inspector", "MCP Inspector", id="plain"),
        pytest.param("Zoës Client 日本語 🚀", "Zoës Client 日本語 🚀", id="any-script"),
        pytest.param("  a \t\r\n b  ", "a b", id="whitespace"),
        pytest.param("Claude\u202egro.live", "Claudegro.live", id="right-to-left-override"),
        pytest.param("\u2066Claude\u2069", "Claude", id="isolates"),
        pytest.param("Cl\u200baude\ufeff", "Claude", id="zero-width"),
        pytest.param("a\x00b\x1bc\x85d", "abc d", id="controls"),
        pytest.param("a\u2028b\u2029c", "a b c", id="line-separators"),
        pytest.param("a\ud800b", "ab", id="lone-surrogate"),
        pytest.param("a\ue000b\U0010fffdc", "abc", id="private-use"),
        pytest.param("a" + "\u0301\u0302\u0303\u0304" * 9 + "b", "á\u0302\u0303b", id="towers"),
        pytest.param("\u3164\u2800\u115f", "", id="blank-letters"),
        pytest.param("", "", id="empty"),
        pytest.param("\u200b\u202e", "", id="nothing-to-see"),
        pytest.param("<b>&amp;</b>", "<b>&amp;</b>", id="markup-is-the-template's"),
    ],
)
def test_a_strangers_text_becomes_one_honest_line(given, shown):
    assert render_label(given) == shown


def test_a_long_text_is_cut_and_says_so():
    assert render_label("a" * 60) == "a" * 60
    assert render_label("a" * 61) == "a" * 59 + "…"
    assert render_label("word " * 100, limit=20) == "word word word word…"
