import pytest

from atoms_mcp.protocol.jsonrpc import (
    MAX_DEPTH,
    MAX_ID,
    Call,
    RpcError,
    find_id,
    parse,
    read,
    render_error,
    render_result,
)


def nested(levels):
    return b"[" * levels + b"]" * levels


@pytest.mark.requirement("base-parse-error", "base-utf-8", "t16-malformed")
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut-off"),
        pytest.param(b'{"a":NaN}', id="nan"),
        pytest.param(b"[Infinity]", id="infinity"),
        pytest.param(b"1e999", id="beyond-a-double"),
        pytest.param(b'"\xff"', id="not-utf-8"),
        pytest.param(b'"\\ud800"', id="lone-surrogate"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b"{} {}", id="two-values"),
        pytest.param(nested(5000), id="bomb"),
    ],
)
def test_what_is_no_json_is_a_parse_error(raw):
    with pytest.raises(RpcError) as refused:
        parse(raw)

    assert (refused.value.code, refused.value.status) == (-32700, 400)


@pytest.mark.requirement("t16-malformed")
def test_nesting_ends_at_the_limit():
    assert parse(nested(MAX_DEPTH))
    with pytest.raises(RpcError, match="-32600 the body is nested deeper"):
        parse(nested(MAX_DEPTH + 1))
    with pytest.raises(RpcError, match="-32600"):
        parse(b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1))


def test_many_brackets_side_by_side_are_not_deep():
    assert len(parse(b"[" + b"{}," * 500 + b'"[[[["]')) == 501


@pytest.mark.requirement("t16-doubled-keys", "t16-numbers")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":1}',
        b'[{"b":{"a":1, "a":1}}]',
        b"18446744073709551616",
        b"-9223372036854775809",
        b'{"id":' + b"9" * 6000 + b"}",
        b'{"a": 1' + b"0" * 300 + b"}",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(raw):
    with pytest.raises(RpcError) as refused:
        parse(raw)

    assert refused.value.code in {-32600, -32700}
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' { "a" : 1.50 , "b" : "\\u00fc\\/" } ', {"a": 1.5, "b": "ü/"}),
        (b"18446744073709551615 ", 2**64 - 1),
        (b"-9223372036854775808 ", -(2**63)),
        (b"1E5", 1e5),
        (b'[{"a":1},{"a":1} ]', [{"a": 1}, {"a": 1}]),
    ],
)
def test_what_is_only_written_otherwise_is_taken(raw, value):
    assert parse(raw) == value


@pytest.mark.requirement("base-request-id")
@pytest.mark.parametrize("call_id", [0, -1, MAX_ID, -MAX_ID, "", "a", "1", "x" * 1024])
def test_an_id_is_a_string_or_an_integer(call_id):
    message = {"jsonrpc": "2.0", "id": call_id, "method": "m"}

    assert read(message) == Call("m", {}, call_id)
    assert find_id(message) == call_id


@pytest.mark.requirement("base-request-id", "t16-numbers")
@pytest.mark.parametrize(
    "call_id", [None, True, False, 1.0, 1.5, [], {}, MAX_ID + 1, -MAX_ID - 1, "x" * 1025]
)
def test_nothing_else_is_an_id(call_id):
    message = {"jsonrpc": "2.0", "id": call_id, "method": "m"}

    with pytest.raises(RpcError, match="-32600"):
        read(message)
    assert find_id(message) is None


@pytest.mark.requirement("base-shape")
@pytest.mark.parametrize(
    ("message", "code"),
    [
        (1, -32600),
        (None, -32600),
        ("m", -32600),
        ({}, -32600),
        ({"jsonrpc": "2.0"}, -32600),
        ({"id": 1, "method": "m"}, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "m"}, -32600),
        ({"jsonrpc": 2.0, "id": 1, "method": "m"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 7}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": None}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "m", "result": {}}, -32600),
        ({"jsonrpc": "2.0", "result": {}}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "m", "params": "text"}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "m", "params": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "m", "params": [1]}, -32602),
    ],
)
def test_what_is_no_message_is_refused(message, code):
    with pytest.raises(RpcError) as refused:
        read(message)

    assert (refused.value.code, refused.value.status) == (code, 400)


def test_a_message_without_an_id_is_a_notification():
    assert read({"jsonrpc": "2.0", "method": "n", "params": {"a": 1}}) == Call("n", {"a": 1}, None)


def test_null_parameters_are_none():
    assert read({"jsonrpc": "2.0", "id": 1, "method": "m", "params": None}) == Call("m", {}, 1)


@pytest.mark.parametrize("member", ["result", "error"])
def test_a_response_makes_no_call(member):
    assert read({"jsonrpc": "2.0", "id": 1, member: {}}) is None


def test_there_is_no_id_in_what_is_no_object():
    assert find_id([1]) is None
    assert find_id({}) is None


@pytest.mark.requirement("base-response-id")
def test_a_result_keeps_the_type_of_the_id():
    assert render_result(1, b"{}") == b'{"jsonrpc":"2.0","id":1,"result":{}}'
    assert render_result("1", b"{}") == b'{"jsonrpc":"2.0","id":"1","result":{}}'


@pytest.mark.requirement("base-error-members")
def test_an_error_says_its_code_and_data():
    error = RpcError(-32022, "no", data={"requested": "x"})

    assert render_error(error, "a", with_null_id=False) == (
        b'{"jsonrpc":"2.0","id":"a","error":{"code":-32022,"message":"no",'
        b'"data":{"requested":"x"}}}'
    )


@pytest.mark.requirement("base-unreadable-id")
def test_an_error_without_an_id_says_null_or_nothing():
    error = RpcError(-32700, "no")

    assert render_error(error, None, with_null_id=True).startswith(b'{"jsonrpc":"2.0","id":null,')
    assert b"id" not in render_error(error, None, with_null_id=False)
