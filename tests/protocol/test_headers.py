import base64

import pytest
from multidict import CIMultiDict

from atoms_mcp.protocol.headers import (
    check_arguments,
    check_equal,
    decode,
    find_mirrored,
    find_single,
)
from atoms_mcp.protocol.jsonrpc import RpcError

NAME = "Mcp-Name"


def encoded(text):
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def headers(*pairs):
    return CIMultiDict(pairs)


@pytest.mark.requirement("http-header-names")
def test_a_header_is_found_by_name_regardless_of_case_and_trimmed():
    assert find_single(headers(("mcp-name", " \ta\t ")), NAME) == "a"
    assert find_single(headers(), NAME) is None


@pytest.mark.requirement("t23-doubled-headers")
@pytest.mark.parametrize("second", ["a", "b"])
def test_a_doubled_header_is_refused_even_with_one_value(second):
    with pytest.raises(RpcError) as refused:
        find_single(headers((NAME, "a"), ("MCP-NAME", second)), NAME)

    assert (refused.value.code, refused.value.status) == (-32020, 400)


@pytest.mark.requirement("http-header-values")
@pytest.mark.parametrize("value", ["a b", " a b ", encoded("a b")])
def test_a_header_that_says_what_the_body_says_passes(value):
    check_equal(headers((NAME, value)), NAME, "a b", is_encodable=True)


@pytest.mark.requirement("http-base64")
@pytest.mark.parametrize("said", ["Grüße", "=?base64?x?=", "", " padded "])
def test_what_cannot_be_in_a_header_passes_in_base64(said):
    check_equal(headers((NAME, encoded(said))), NAME, said, is_encodable=True)


@pytest.mark.requirement("http-base64-markers")
def test_what_is_marked_as_base64_is_never_taken_literally():
    said = encoded("a")

    with pytest.raises(RpcError, match="-32020"):
        check_equal(headers((NAME, said)), NAME, said, is_encodable=True)


@pytest.mark.requirement("http-bad-base64")
@pytest.mark.parametrize(
    ("pairs", "said", "words"),
    [
        ([], "a", "Mcp-Name is missing; the body says 'a'"),
        ([(NAME, "b")], "a", "Mcp-Name says 'b', the body says 'a'"),
        ([(NAME, "A")], "a", "Mcp-Name says 'A', the body says 'a'"),
        ([(NAME, "a"), (NAME, "a")], "a", "Mcp-Name was sent more than once"),
        ([(NAME, "=?base64?!!!?=")], "a", "Mcp-Name is marked as Base64 and is not"),
        ([(NAME, "=?base64?YQ?=")], "a", "Mcp-Name is marked as Base64 and is not"),
        ([(NAME, "=?base64?/w==?=")], "a", "Mcp-Name is marked as Base64 and is not"),
        ([(NAME, "=?BASE64?YQ==?=")], "a", "Mcp-Name says '=?BASE64?YQ==?='"),
        ([(NAME, "x" * 200)], "a", "…'"),
        ([(NAME, "\udcff")], "a", r"'\\udcff'"),
    ],
)
def test_a_header_that_says_something_else_is_refused(pairs, said, words):
    with pytest.raises(RpcError) as refused:
        check_equal(headers(*pairs), NAME, said, is_encodable=True)

    assert (refused.value.code, refused.value.status) == (-32020, 400)
    assert words.replace("\\\\", "\\") in refused.value.message


@pytest.mark.requirement("http-base64-markers")
def test_base64_means_nothing_where_it_is_not_allowed():
    with pytest.raises(RpcError, match="-32020"):
        check_equal(headers((NAME, encoded("a"))), NAME, "a")


@pytest.mark.requirement("http-base64-markers")
def test_a_value_with_one_marker_is_literal():
    assert decode("=?base64?abc", NAME) == "=?base64?abc"
    assert decode("abc?=", NAME) == "abc?="


def schema(**properties):
    return {"type": "object", "properties": properties}


REGION = {"type": "string", "x-mcp-header": "Region"}


@pytest.mark.requirement("tools-header-annotations")
def test_annotated_arguments_are_found_at_any_depth_of_objects():
    found = find_mirrored(schema(region=REGION, at=schema(zone={**REGION, "x-mcp-header": "Zone"})))

    assert [(one.header, one.path) for one in found] == [
        ("Mcp-Param-Region", ("region",)),
        ("Mcp-Param-Zone", ("at", "zone")),
    ]


def test_an_argument_may_be_called_as_the_annotation_is():
    assert find_mirrored(schema(**{"x-mcp-header": {"type": "string"}})) == ()
    assert find_mirrored(schema(anything=True)) == ()


@pytest.mark.requirement("tools-header-annotations")
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(schema(a={**REGION, "x-mcp-header": ""}), id="empty"),
        pytest.param(schema(a={**REGION, "x-mcp-header": "a b"}), id="no-token"),
        pytest.param(schema(a={**REGION, "x-mcp-header": 5}), id="no-text"),
        pytest.param(schema(a={**REGION, "type": "number"}), id="number"),
        pytest.param(schema(a={"x-mcp-header": "A"}), id="untyped"),
        pytest.param(
            schema(a=REGION, b={**REGION, "x-mcp-header": "REGION"}), id="twice-but-for-case"
        ),
        pytest.param(schema(a={"type": "array", "items": REGION}), id="below-items"),
        pytest.param({**schema(), "allOf": [schema(a=REGION)]}, id="below-composition"),
        pytest.param({"type": "object", "x-mcp-header": "A"}, id="the-root"),
    ],
)
def test_annotations_that_clients_would_choke_on_are_refused(bad):
    with pytest.raises(ValueError, match="x-mcp-header"):
        find_mirrored(bad)


MIRRORED = find_mirrored(
    schema(
        s=REGION,
        i={"type": "integer", "x-mcp-header": "I"},
        b={"type": "boolean", "x-mcp-header": "B"},
        at=schema(zone={**REGION, "x-mcp-header": "Zone"}),
    )
)
S, INT, B, ZONE = (f"Mcp-Param-{name}" for name in ("Region", "I", "B", "Zone"))


@pytest.mark.requirement("http-param-null", "http-param-integers")
@pytest.mark.parametrize(
    ("sent", "arguments"),
    [
        ({}, {}),
        ({}, {"s": None, "at": None, "i": None}),
        ({}, {"at": 5}),
        ({S: "eu"}, {"s": "eu"}),
        ({S: encoded("Köln")}, {"s": "Köln"}),
        ({S: ""}, {"s": ""}),
        ({INT: "42"}, {"i": 42}),
        ({INT: "42.0"}, {"i": 42}),
        ({INT: "-1"}, {"i": -1}),
        ({INT: "42"}, {"i": 42.0}),
        ({B: "true"}, {"b": True}),
        ({B: "false"}, {"b": False}),
        ({ZONE: "a"}, {"at": {"zone": "a"}}),
        ({"Mcp-Param-Other": "x"}, {}),
    ],
)
def test_headers_that_repeat_the_arguments_pass(sent, arguments):
    check_arguments(CIMultiDict(sent), MIRRORED, arguments)


@pytest.mark.requirement("http-param-header", "http-param-characters")
@pytest.mark.parametrize(
    ("sent", "arguments"),
    [
        ({}, {"s": "eu"}),
        ({S: "us"}, {"s": "eu"}),
        ({S: "EU"}, {"s": "eu"}),
        ({S: "eu"}, {}),
        ({S: "eu"}, {"s": None}),
        ({S: "K\xf6ln"}, {"s": "K\xf6ln"}),
        ({S: "=?base64?*?="}, {"s": "eu"}),
        ({INT: "43"}, {"i": 42}),
        ({INT: "42.5"}, {"i": 42}),
        ({INT: "0x2a"}, {"i": 42}),
        ({INT: "9" * 5000}, {"i": 42}),
        ({B: "True"}, {"b": True}),
        ({B: "1"}, {"b": True}),
        ({INT: "1"}, {"i": True}),
        ({ZONE: "b"}, {"at": {"zone": "a"}}),
    ],
)
def test_headers_that_do_not_repeat_the_arguments_are_refused(sent, arguments):
    with pytest.raises(RpcError) as refused:
        check_arguments(CIMultiDict(sent), MIRRORED, arguments)

    assert (refused.value.code, refused.value.status) == (-32020, 400)
