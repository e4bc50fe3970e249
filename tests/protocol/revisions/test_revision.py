from types import MappingProxyType

import pytest
from engine_double import ALL

from atoms_mcp.protocol.jsonrpc import Call, RpcError
from atoms_mcp.protocol.results import Server
from atoms_mcp.protocol.revisions import Revisions
from atoms_mcp.protocol.revisions.revision import Operation, encode

SERVER = Server("s", "S", "1", "", {})
REVISIONS = {
    **Revisions(SERVER).handshakes,
    "2026-07-28": Revisions(SERVER).stateless["2026-07-28"],
}


@pytest.mark.parametrize("name", ALL)
def test_every_revision_can_list_and_call_tools(name):
    assert REVISIONS[name].find("tools/list") is Operation.LIST_TOOLS
    assert REVISIONS[name].find("tools/call") is Operation.CALL_TOOL


@pytest.mark.requirement("base-unknown-method")
@pytest.mark.parametrize(
    ("name", "method"),
    [
        *[
            ("2026-07-28", m)
            for m in ("initialize", "ping", "logging/setLevel", "resources/subscribe")
        ],
        *[(name, "server/discover") for name in ALL if name != "2026-07-28"],
        *[(name, "no/such") for name in ALL],
    ],
)
def test_a_method_that_a_revision_has_not_is_unknown(name, method):
    with pytest.raises(RpcError, match="-32601"):
        REVISIONS[name].find(method)


def test_read_only_mappings_are_objects_and_what_is_no_json_is_a_fault():
    assert encode({"a": MappingProxyType({"b": 1})}) == b'{"a":{"b":1}}'
    with pytest.raises(TypeError):
        encode({"a": object()})


def test_a_notification_has_what_the_revision_knows():
    params = {"progressToken": "p", "progress": 1, "message": "on the way"}

    told = REVISIONS["2026-07-28"].render_notification("notifications/progress", params)
    older = REVISIONS["2024-11-05"].render_notification("notifications/progress", params)

    assert b"on the way" in told
    assert b"message" not in older


@pytest.mark.parametrize("name", [name for name in ALL if name != "2026-07-28"])
def test_in_a_session_requests_say_nothing_of_their_client_and_are_not_sent_again(name):
    revision, call = REVISIONS[name], Call("tools/call", {"name": "t"}, 1)

    assert revision.read_declared(call) == ()
    assert revision.read_wanted_level(call) is None
    with pytest.raises(NotImplementedError):
        revision.render_questions({}, "state")
