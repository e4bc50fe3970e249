"""The language of select=."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.select import parse_select
from atoms_mcp.local.rest.terms import Field, JsonStep, SelectColumn, SelectEmbed

STAR = (SelectColumn(Field("*")),)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", ()),
        ("*", STAR),
        ("a,b", (SelectColumn(Field("a")), SelectColumn(Field("b")))),
        (" a , b ", (SelectColumn(Field("a")), SelectColumn(Field("b")))),
        ("x:a", (SelectColumn(Field("a"), alias="x"),)),
        ("a::text", (SelectColumn(Field("a"), cast="text"),)),
        ("x:a::double precision", (SelectColumn(Field("a"), "x", "double precision"),)),
        ("a->0", (SelectColumn(Field("a", (JsonStep(0, is_text=False),))),)),
        ('"odd,col"', (SelectColumn(Field("odd,col")),)),
        ("rel(*)", (SelectEmbed("rel", STAR),)),
        ("rel()", (SelectEmbed("rel", ()),)),
        ("x:rel(*)", (SelectEmbed("rel", STAR, alias="x"),)),
        ("rel!inner(*)", (SelectEmbed("rel", STAR, is_inner=True),)),
        ("rel!left(*)", (SelectEmbed("rel", STAR),)),
        ("rel!fk(*)", (SelectEmbed("rel", STAR, hint="fk"),)),
        ("rel!left_fk(*)", (SelectEmbed("rel", STAR, hint="left_fk"),)),
        ("x:rel!inner!fk(*)", (SelectEmbed("rel", STAR, "x", "fk", is_inner=True),)),
        ("x:rel!fk!inner(*)", (SelectEmbed("rel", STAR, "x", "fk", is_inner=True),)),
        ("...rel(*)", (SelectEmbed("rel", STAR, is_spread=True),)),
        ("a(b(*),*)", (SelectEmbed("a", (SelectEmbed("b", STAR), *STAR)),)),
        ("count", (SelectColumn(Field("count")),)),
    ],
)
def test_selects(text, items):
    assert parse_select(text) == items


@pytest.mark.parametrize(
    "text",
    ["a,", ",a", "a!hint", "rel(*", "rel(*))", "a::", "a b.c", "rel!(*)", "rel!a!b!c(*)", "a)"],
)
def test_what_is_no_select_is_refused(text):
    with pytest.raises(RestError) as refusal:
        parse_select(text)

    assert refusal.value.code == "PGRST100"


@pytest.mark.parametrize("text", ["count()", "x:count()", "a.sum()", "a::int.max()", "r(a.avg())"])
def test_aggregates_are_off(text):
    with pytest.raises(RestError) as refusal:
        parse_select(text)

    assert refusal.value.code == "PGRST123"


def test_nesting_has_an_end():
    with pytest.raises(RestError, match="PGRST100"):
        parse_select("a(" * 5000 + ")" * 5000)


@given(st.text(alphabet='ab,()!:.*->" \\', max_size=30))
def test_any_text_is_a_select_or_a_refusal(text):
    with contextlib.suppress(RestError):
        parse_select(text)


def test_an_embed_is_named_by_its_alias():
    assert [SelectEmbed("r", ()).name, SelectEmbed("r", (), alias="x").name] == ["r", "x"]
