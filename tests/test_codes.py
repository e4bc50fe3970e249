"""The error codes that we send."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "atoms_mcp"
JSON_RPC = {-32700, -32600, -32601, -32602, -32603}
STATELESS = {-32020, -32021, -32022}
# Resource not found. The other one of those revisions, that a page has to be opened, is not used.
HANDSHAKE = {-32002}


def codes_in(path):
    """Give the numbers in a module that JSON-RPC keeps to itself."""
    return {
        -node.operand.value
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and isinstance(node.operand.value, int)
        and 32000 <= node.operand.value <= 32768
    }


@pytest.mark.requirement("base-reserved-codes", "base-own-codes", "elic-url-error")
@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_error_has_a_code_that_the_protocol_keeps_to_itself(path):
    assert codes_in(path) <= JSON_RPC | STATELESS | HANDSHAKE
