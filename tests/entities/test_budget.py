import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.entities.budget import BUDGET_BYTES, PART_BYTES, fit, head_of, part, size


def how(handle, name):
    return f"read {handle} {name}"


def test_what_fits_stays_as_it_is():
    items = [{"key": "A", "text": "short"}]

    assert fit(items, "key", how).items == items
    assert fit(items, "key", how).truncated == []


def test_a_long_text_is_cut_and_named():
    fitted = fit([{"key": "A", "text": "x" * 50_000}], "key", how)

    assert len(fitted.items[0]["text"]) == 24_000
    assert fitted.items[0]["text"].endswith("x…")
    assert fitted.truncated == [{"of": "A", "field": "text", "chars": 50_000, "get": "read A text"}]


def test_long_json_is_cut_as_text():
    fitted = fit([{"key": "A", "fields": {"a": "x" * 50_000}}], "key", how)

    assert fitted.items[0]["fields"].startswith('{"a":"xxx')


def test_short_texts_of_the_same_answer_are_not_cut():
    items = [{"key": f"K{n}", "title": "t" * 100, "text": "x" * 9_000} for n in range(10)]

    fitted = fit(items, "key", how)

    assert all(item["title"] == "t" * 100 for item in fitted.items)
    assert len(fitted.truncated) == 10
    assert size(fitted.items) + size(fitted.truncated) < BUDGET_BYTES


def test_rows_that_still_do_not_fit_are_left_for_the_next_page():
    items = [{"key": f"K{n}", "a": "x" * 500, "b": "y" * 500} for n in range(100)]

    fitted = fit(items, "key", how)

    assert 0 < len(fitted.items) < 100
    assert fitted.left_out == 100 - len(fitted.items)
    assert {note["of"] for note in fitted.truncated} <= {item["key"] for item in fitted.items}
    assert size(fitted.items) + size(fitted.truncated) < BUDGET_BYTES


def test_the_first_row_always_stays():
    item = {"key": "A"} | {f"f{n}": "x" * 190 for n in range(500)}

    fitted = fit([item, item], "key", how)

    assert (len(fitted.items), fitted.left_out) == (1, 1)
    assert fit([item], "key", how).left_out == 0


def test_rows_that_cannot_be_cut_may_all_stay_or_go():
    many = [{"key": f"K{n}", "number": n} for n in range(3000)]

    assert fit(many, "key", how).left_out > 0


def test_what_else_an_answer_holds_counts():
    items = [{"key": "A", "text": "x" * 20_000}]

    assert fit(items, "key", how, more_bytes=20_000).truncated


@given(st.text(alphabet="ab\n漢👩", max_size=2000).map(lambda text: text * 40))
def test_the_parts_of_a_text_are_the_text(text):
    parts, offset = [], 0
    while offset is not None:
        piece, offset = part(text, offset)
        parts.append(piece)
        assert len(piece.encode()) <= PART_BYTES

    assert "".join(parts) == text


def test_a_part_ends_with_a_line_where_it_can():
    text = ("x" * 99 + "\n") * 1000

    piece, offset = part(text, 0)

    assert piece.endswith("\n")
    assert offset == len(piece)


@pytest.mark.parametrize("limit", range(8))
def test_the_beginning_of_a_text_ends_between_characters(limit):
    assert len(head_of("a漢👩", limit).encode()) <= limit
    assert "a漢👩".startswith(head_of("a漢👩", limit))


def test_a_short_text_is_its_own_beginning():
    assert head_of("abc", 100) == "abc"
