"""Negotiation and the life of a session."""

import pytest
from engine_double import (
    LEGACY,
    MODERN,
    Bench,
    fault,
    frame_of,
    initialize,
    say,
    told,
)

from atoms_mcp.protocol.jsonrpc import RpcError


@pytest.mark.requirement("ver-same")
@pytest.mark.parametrize("asked", LEGACY)
async def test_a_handshake_is_answered_in_the_revision_asked_for(bench, asked):
    reply = await bench.send(initialize(asked))
    result = told(reply)["result"]

    assert (reply.status, told(reply)["id"]) == (200, 0)
    assert result["protocolVersion"] == asked
    assert result["capabilities"] == {"logging": {}, "tools": {}}
    assert result["serverInfo"]["name"] == "atoms-mcp"
    assert reply.session_id


@pytest.mark.requirement("ver-other")
@pytest.mark.parametrize("asked", [MODERN, "1900-01-01", "2031-01-01", ""])
async def test_any_other_handshake_is_answered_in_the_newest_of_its_kind(bench, asked):
    reply = await bench.send(initialize(asked), headers={"MCP-Protocol-Version": asked})

    assert told(reply)["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    "params", [{"protocolVersion": None}, {"protocolVersion": 5}, {"capabilities": []}]
)
async def test_a_handshake_that_cannot_be_read_is_refused(bench, params):
    reply = await bench.send(initialize("2025-06-18", **params))

    assert fault(reply) == (200, 0, -32602)
    assert reply.session_id is None


async def test_a_handshake_is_a_request(bench):
    message = initialize("2025-06-18")
    del message["id"]

    assert fault(await bench.send(message)) == (400, None, -32600)


@pytest.mark.requirement("life-once", "life-respect-version")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_session_lives_from_its_handshake_to_its_end(bench, revision):
    headers = await bench.open(revision)
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    noted = await bench.send(note, headers=headers)
    called = await bench.send(say(), headers=headers)
    again = await bench.send(initialize(revision, 5), headers=headers)

    assert (noted.status, noted.body) == (202, None)
    assert told(called)["result"]["isError"] is False
    assert fault(again) == (400, 5, -32600)
    assert fault(await bench.send(say(), headers=headers, who="bob")) == (404, 1, -32600)
    await bench.sessions.end(headers["Mcp-Session-Id"], "id-ada")
    assert fault(await bench.send(say(), headers=headers)) == (404, 1, -32600)
    assert (await bench.send(initialize(revision), headers=headers)).session_id


@pytest.mark.requirement("base-any-connection")
async def test_a_session_is_served_by_any_replica(bench):
    headers = await bench.open("2025-06-18")

    assert (await Bench().send(say(), headers=headers)).status == 200


@pytest.mark.requirement("life-first", "sess-missing")
@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 400), ({"Mcp-Session-Id": "made-up"}, 404), ({"Mcp-Session-Id": ""}, 404)],
)
@pytest.mark.parametrize("named", [None, "2025-06-18"])
async def test_a_request_without_a_live_session_is_refused(bench, headers, status, named):
    if named:
        headers = {**headers, "MCP-Protocol-Version": named}

    assert fault(await bench.send(say(), headers=headers)) == (status, 1, -32600)


@pytest.mark.requirement("http-response-accepted", "http-not-accepted")
@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 3, "result": {}},
    ],
)
async def test_what_needs_no_answer_needs_a_session_all_the_same(bench, message):
    assert fault(await bench.send(message))[0] == 400
    assert fault(await bench.send(message, headers={"Mcp-Session-Id": "x"}))[0] == 404
    assert (await bench.send(message, headers=await bench.open("2025-06-18"))).status == 202


@pytest.mark.requirement("ver-no-header")
@pytest.mark.parametrize("revision", LEGACY)
async def test_a_session_is_served_with_its_own_version_or_none_named(bench, revision):
    headers = await bench.open(revision)
    assert (await bench.send(say(), headers=headers)).status == 200
    del headers["MCP-Protocol-Version"]
    assert (await bench.send(say(), headers=headers)).status == 200


@pytest.mark.requirement("life-respect-version")
@pytest.mark.parametrize("named", LEGACY)
async def test_a_session_is_served_as_it_was_negotiated_whichever_of_its_kind_is_named(
    bench, named
):
    headers = {**await bench.open("2025-06-18"), "MCP-Protocol-Version": named}

    result = told(await bench.send(say(), headers=headers))["result"]

    assert result["structuredContent"] == {"ok": True, "said": "hi"}


@pytest.mark.requirement("ver-session-header")
@pytest.mark.parametrize("named", ["garbage", "1900-01-01", "2027-01-01", ""])
async def test_a_session_is_not_served_under_a_version_without_sessions(bench, named):
    headers = {**await bench.open("2025-06-18"), "MCP-Protocol-Version": named}

    assert fault(await bench.send(say(), headers=headers)) == (400, 1, -32600)


@pytest.mark.requirement("ver-eras")
async def test_the_modern_version_in_the_header_wants_its_metadata_even_in_a_session(bench):
    headers = {**await bench.open("2025-06-18"), "MCP-Protocol-Version": MODERN}

    assert fault(await bench.send(say(), headers=headers)) == (400, 1, -32602)


async def test_legacy_traffic_may_carry_modern_headers(bench):
    headers = {**await bench.open("2025-11-25"), "Mcp-Method": "initialize", "Mcp-Name": "x"}

    assert (await bench.send(say(), headers=headers)).status == 200


async def test_its_owner_ends_a_session(bench):
    headers = await bench.open("2025-06-18")
    session_id = headers["Mcp-Session-Id"]
    for frame in (
        frame_of(session_id="made-up"),
        frame_of("bob", session_id=session_id),
        frame_of(session_id=session_id, named="1900-01-01"),
    ):
        with pytest.raises(RpcError, match="-32600"):
            await bench.engine.end_session(frame)
    assert (await bench.send(say(), headers=headers)).status == 200

    await bench.engine.end_session(frame_of(session_id=session_id))

    assert fault(await bench.send(say(), headers=headers))[0] == 404
