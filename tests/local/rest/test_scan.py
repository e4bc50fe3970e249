"""Names and places in a parameter."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.scan import (
    MAX_DEPTH,
    MAX_TERMS,
    Scanner,
    read_json_path,
    read_name,
    take_quoted,
)
from atoms_mcp.local.rest.terms import JsonStep


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.text())
def test_quoting_is_undone_exactly(text):
    scanner = Scanner(quoted(text) + ",more", "test")

    assert take_quoted(scanner) == text
    assert scanner.take(",more")


@given(st.text())
def test_any_text_is_a_name_or_a_refusal(text):
    with contextlib.suppress(RestError):
        read_name(Scanner(text, "test"))


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("plain.eq", "plain", ".eq"),
        ("with space ,b", "with space", ",b"),
        ("with-dash->a", "with-dash", "->a"),
        ("$ünï_1(", "$ünï_1", "("),
        ('"a.b",c', "a.b", ",c"),
        ('"say \\"hi\\" \\\\"', 'say "hi" \\', ""),
    ],
)
def test_names(text, name, rest):
    scanner = Scanner(text, "test")

    assert read_name(scanner) == name
    assert scanner.text[scanner.at :] == rest


@pytest.mark.parametrize("text", ["", ".", ":", "(", '"open', '"open\\"', " ", "->a"])
def test_what_is_no_name_is_refused_with_its_place(text):
    scanner = Scanner(f"x,{text}", "test")
    scanner.take("x,")

    with pytest.raises(RestError) as refusal:
        read_name(scanner)

    assert refusal.value.message.startswith(f'"failed to parse test (x,{text})" (line 1, column')
    assert "expecting field name" in refusal.value.details


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("->a", (JsonStep("a", is_text=False),)),
        ("->a->>b", (JsonStep("a", is_text=False), JsonStep("b", is_text=True))),
        ("->0", (JsonStep(0, is_text=False),)),
        ("->>-12.eq", (JsonStep(-12, is_text=True),)),
        ("->0)", (JsonStep(0, is_text=False),)),
        ("->0x", (JsonStep("0x", is_text=False),)),
        ("->a-b->c", (JsonStep("a-b", is_text=False), JsonStep("c", is_text=False))),
        ('->"a.b,c"', (JsonStep("a.b,c", is_text=False),)),
        ("->!@#$%^&*_a", (JsonStep("!@#$%^&*_a", is_text=False),)),
    ],
)
def test_json_paths(text, steps):
    assert read_json_path(Scanner(text, "test")) == steps


@pytest.mark.parametrize("text", ["->", "->>", "->>--1", "->.a"])
def test_broken_json_paths(text):
    with pytest.raises(RestError):
        read_json_path(Scanner(text, "test"))


def test_paths_do_not_go_on_forever():
    with pytest.raises(RestError, match="PGRST100"):
        read_json_path(Scanner("->a" * (MAX_DEPTH + 2), "test"))


def test_terms_do_not_go_on_forever():
    scanner = Scanner("", "test")
    for _ in range(MAX_TERMS):
        scanner.count_term()

    with pytest.raises(RestError, match="PGRST100"):
        scanner.count_term()


def test_a_refusal_at_the_end_says_so():
    with pytest.raises(RestError) as refusal:
        Scanner("", "test").fail("more")

    assert refusal.value.details == "unexpected end expecting more"
