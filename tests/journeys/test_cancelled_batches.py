"""A great batch whose client wants no more of it: it stops, and the log says how far it came."""

import asyncio
import re
import uuid

import aiohttp
import pytest
from event_client import Events

BOUND_S = 5
PAUSE_S = 0.02
ROWS = 1000
TRIES = 20
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"


@pytest.fixture
async def http(tokens):
    headers = {
        "Authorization": f"Bearer {tokens['ada']}",
        "Accept": "application/json, text/event-stream",
    }
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


@pytest.fixture
def own_server(start_server, stack):
    """A server whose log is one test's alone."""
    return start_server(stack)


@pytest.fixture
def document(server, tokens):
    return make_document(server, tokens)


def make_document(server, tokens):
    """Make an empty document in a project of its own, and give its key."""
    key = "C" + uuid.uuid4().hex[:7].upper()
    for kind, parent, data in (
        ("project", "acme", {"title": key, "key": key}),
        ("document", f"acme/{key}", {"title": "Imported"}),
    ):
        server.call(
            tokens["ada"],
            "entity_tool",
            operation="create",
            entity_type=kind,
            parent=parent,
            data=data,
        )
    return f"{key}-DOC-1"


def batch(document, **meta):
    arguments = {
        "operation": "create",
        "entity_type": "requirement",
        "parent": document,
        "items": [{"title": f"Row {number}"} for number in range(ROWS)],
    }
    params = {
        "name": "entity_tool",
        "arguments": arguments,
        "_meta": {"progressToken": "p", **meta},
    }
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


def list_logged(server):
    """Give how far each batch had come that the log says was cancelled."""
    lines = [*server.process.stdout, *server.process.stderr]
    said = [line for line in lines if "batch.cancelled" in line]
    return [int(re.search(r"done\W+(\d+)", line)[1]) for line in said]


async def find_logged(server):
    """Wait until the log says that a batch was cancelled, and give what was done by then."""
    async with asyncio.timeout(BOUND_S):
        while True:
            if said := list_logged(server):
                return said[-1]
            await asyncio.sleep(PAUSE_S)


def count(server, tokens, document):
    listed = server.call(
        tokens["ada"],
        "entity_tool",
        operation="list",
        entity_type="requirement",
        parent=document,
        include=["total"],
        limit=1,
    )
    return listed["structuredContent"]["page"]["total"]


@pytest.mark.requirement("http-close-cancels")
async def test_a_client_that_leaves_ends_its_batch(own_server, tokens, http):
    for _ in range(TRIES):  # a batch may be stored before anybody notices that its client left
        document = make_document(own_server, tokens)
        first = await ask_and_leave(own_server, http, document)
        assert first.method == "notifications/progress"
        async with asyncio.timeout(BOUND_S):
            while True:
                said = list_logged(own_server)
                if said or count(own_server, tokens, document) == ROWS:
                    break
                await asyncio.sleep(PAUSE_S)
        if said:
            break

    [done] = list_logged(own_server)
    assert 100 <= done < ROWS
    assert count(own_server, tokens, document) == done


async def ask_and_leave(server, http, document):
    """Ask for a batch of 2026-07-28, and leave after the first event, which is given."""
    meta = {
        f"{META}protocolVersion": MODERN,
        f"{META}clientCapabilities": {},
        f"{META}clientInfo": {"name": "t", "version": "1"},
    }
    headers = {
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "entity_tool",
    }
    asked = http.post(server.mcp_url, json=batch(document, **meta), headers=headers)
    async with asked as answer:
        return await Events(answer).next()


@pytest.mark.requirement("canc-stop")
async def test_a_batch_that_is_cancelled_by_its_id_gets_no_answer(
    own_server, tokens, http, document
):
    opening = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening}
    async with http.post(own_server.mcp_url, json=first) as answer:
        session_id = answer.headers["Mcp-Session-Id"]
    headers = {"Mcp-Session-Id": session_id, "MCP-Protocol-Version": "2025-06-18"}
    cancel = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": 7},
    }

    async with http.post(own_server.mcp_url, json=batch(document), headers=headers) as answer:
        events = Events(answer)
        told = [await events.next()]
        async with http.post(own_server.mcp_url, json=cancel, headers=headers) as accepted:
            assert accepted.status == 202
        told += await events.rest()
    done = await find_logged(own_server)

    assert {event.method for event in told} == {"notifications/progress"}
    assert told[-1].said["params"]["progress"] <= done < ROWS
    assert count(own_server, tokens, document) == done
