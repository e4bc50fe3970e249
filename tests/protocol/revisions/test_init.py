import pytest

from atoms_mcp.protocol.jsonrpc import Call
from atoms_mcp.protocol.results import Server
from atoms_mcp.protocol.revisions import SUPPORTED, Revisions, is_stateless, omits_unknown_id

CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
KEY = "io.modelcontextprotocol/protocolVersion"


@pytest.mark.requirement("disc-versions")
def test_all_revisions_are_named_newest_first():
    assert SUPPORTED == ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")


@pytest.mark.requirement("ver-eras")
@pytest.mark.parametrize(
    ("meta", "named", "method", "has_session", "expected"),
    [
        ({KEY: "2026-07-28"}, None, "tools/list", False, True),
        ({KEY: "2026-07-28"}, "2025-06-18", "initialize", True, True),
        ({KEY: 5}, None, "tools/list", True, True),
        ({}, "2026-07-28", "tools/list", False, True),
        ({}, "2026-07-28", "tools/list", True, True),
        ({}, "2026-07-28", "initialize", False, False),
        ({}, "1900-01-01", "tools/list", False, True),
        ({}, "1900-01-01", "initialize", False, False),
        ({}, "1900-01-01", "tools/list", True, False),
        ({}, "2025-06-18", "tools/list", False, False),
        ({}, None, "tools/list", False, False),
        ("no object", None, "tools/list", False, False),
    ],
)
def test_metadata_and_header_decide_the_era(meta, named, method, has_session, expected):
    headers = None if named is None else {"MCP-Protocol-Version": named}

    found = is_stateless(Call(method, {"_meta": meta}, 1), headers, has_session=has_session)

    assert found is expected


def test_a_request_is_admitted_to_its_revision():
    call = Call("tools/list", {"_meta": {KEY: "2026-07-28", CAPABILITIES: {}}}, 1)

    assert Revisions(Server("s", "S", "1", "", {})).admit(call, None).name == "2026-07-28"


@pytest.mark.requirement("ver-same")
@pytest.mark.parametrize("asked", SUPPORTED[1:])
def test_a_handshake_gets_the_revision_that_it_asks_for(asked):
    assert Revisions(Server("s", "S", "1", "", {})).negotiate(asked).name == asked


@pytest.mark.requirement("ver-newest")
@pytest.mark.parametrize("asked", ["2026-07-28", "1900-01-01", ""])
def test_any_other_handshake_gets_the_newest(asked):
    assert Revisions(Server("s", "S", "1", "", {})).negotiate(asked).name == "2025-11-25"


@pytest.mark.requirement("base-unreadable-id")
@pytest.mark.parametrize(
    ("named", "omits"),
    [(None, False), ("2025-06-18", False), ("2026-07-28", True), ("2031-01-01", True)],
)
def test_the_header_decides_how_an_unknown_id_is_told(named, omits):
    assert omits_unknown_id(named) is omits
