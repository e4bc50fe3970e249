import pytest

from atoms_mcp.protocol.capabilities import (
    missing_capabilities,
    read_capabilities,
    render_capabilities,
)


@pytest.mark.parametrize(
    ("declared", "names"),
    [
        ({}, ()),
        ({"elicitation": {}}, ("elicitation",)),
        ({"elicitation": {"form": {}}}, ("elicitation",)),
        ({"elicitation": {"url": {}}}, ("elicitation.url",)),
        ({"elicitation": {"form": {}, "url": {}}}, ("elicitation", "elicitation.url")),
        ({"elicitation": {"url": True}}, ()),
        ({"elicitation": True, "sampling": [], "roots": None}, ()),
        ({"sampling": {}}, ("sampling",)),
        ({"sampling": {"tools": {}, "context": {}}}, ("sampling", "sampling.tools")),
        ({"roots": {"listChanged": True}}, ("roots",)),
        ({"extensions": {"io.x/tasks": {}, "noslash": {}}}, ("io.x/tasks",)),
        ({"extensions": []}, ()),
        ({"extensions": {"a/" + "x" * 200: {}}}, ()),
        ({"tasks": {}, "experimental": {"a/b": {}}}, ()),
    ],
)
def test_what_a_client_declares_has_a_name(declared, names):
    assert read_capabilities(declared) == names


def test_no_client_fills_us_with_extensions():
    many = {f"a/{number}": {} for number in range(1000)}

    assert len(read_capabilities({"extensions": many})) == 16


@pytest.mark.parametrize(
    ("names", "declared"),
    [
        (["roots"], {"roots": {}}),
        (["sampling", "sampling.tools"], {"sampling": {"tools": {}}}),
        (["elicitation.url"], {"elicitation": {"url": {}}}),
        (["io.x/tasks", "io.x/ui"], {"extensions": {"io.x/tasks": {}, "io.x/ui": {}}}),
    ],
)
def test_names_are_told_as_a_client_declares_them(names, declared):
    assert render_capabilities(names) == declared
    error = missing_capabilities(names)
    assert (error.code, error.status) == (-32021, 400)
    assert error.data == {"requiredCapabilities": declared}
