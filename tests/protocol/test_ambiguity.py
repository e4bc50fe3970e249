import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.protocol.ambiguity import DOUBLED, TOO_LARGE, find_ambiguity

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


def ask(raw):
    return find_ambiguity(raw, orjson.loads(raw))


@pytest.mark.requirement("t16-doubled-keys")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1, "b": {"c": 1, "c": 2}}',
        b'[{"a":{"x":1},"a":2}]',
        b'{"a":1,"\\u0061":2}',
        b'{"a\\/b":1,"a/b":2}',
        b'{"a":1,"a":2,"x":"\\u003a"}',
        b'{"":1,"":2}',
        b'{"\xc3\xa9":1,"\\u00e9":2}',
    ],
)
def test_a_key_that_comes_twice_in_one_object_is_found(raw):
    assert ask(raw) == DOUBLED


@pytest.mark.requirement("t16-numbers")
@pytest.mark.parametrize(
    "raw",
    [
        b"18446744073709551616",
        b"-9223372036854775809",
        b"-9999999999999999999",
        b'{"id": 123456789012345678901234567890}',
        b"[" + b"9" * 300 + b"]",
    ],
)
def test_a_whole_number_beyond_64_bits_is_found(raw):
    assert ask(raw) == TOO_LARGE


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":{"a":1},"b":{"a":2}}',
        b'{ "a" : [ {"a" : 1} , {"a" : 2} ] }',
        b'{"a": ":::", "b": "\\":\\""}',
        b'{"a": "\\u003a", "b": 1}',
        b'{"A": 1, "a": 2}',
        b"18446744073709551615",
        b"-9223372036854775808",
        b'{"n": 1.0000000000000000000001, "m": 1e25, "o": -0}',
        b'{"tel": "00491700000000000000000"}',
        b' "x" ',
    ],
)
def test_what_everybody_reads_alike_is_let_through(raw):
    assert ask(raw) is None


@given(value=VALUES, indent=st.none() | st.integers(0, 2), is_ascii=st.booleans())
def test_no_text_that_a_serializer_writes_is_ambiguous(value, indent, is_ascii):
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)

    assert ask(text.encode()) is None


@given(
    fields=st.dictionaries(st.text(max_size=4), VALUES, min_size=1),
    is_ascii=st.booleans(),
    chosen=st.integers(0),
)
def test_no_doubled_key_gets_through(fields, is_ascii, chosen):
    parts = [
        f"{json.dumps(key, ensure_ascii=is_ascii)}: {json.dumps(value, ensure_ascii=is_ascii)}"
        for key, value in fields.items()
    ]
    parts.insert(0, parts[chosen % len(parts)])

    assert ask(("{" + ",".join(parts) + "}").encode()) == DOUBLED
