"""What is changed through one replica is heard at the other, by those who may read it."""

import asyncio
import secrets
import signal

import httpx2
import pytest
from aiohttp import ClientSession
from engine_double import initialize, modern
from event_client import Events
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

BOUND_S = 5
BOTH = "application/json, text/event-stream"


@pytest.fixture(scope="module")
def replicas(start_server, stack, _redis_server, tmp_path_factory):
    """Two servers with one key and one Redis."""
    _redis_server.start()
    key = secrets.token_hex(32)
    return [
        start_server(
            stack,
            ATOMS_SECRET_KEY=key,
            ATOMS_REDIS_URL=_redis_server.url,
            ATOMS_STATE_DIR=str(tmp_path_factory.mktemp("replica")),
        )
        for _ in range(2)
    ]


@pytest.fixture
def listed(replicas, tokens):
    """A new requirement of Ada's: how it is called, and its URI."""
    made = replicas[0].call(
        tokens["ada"],
        "entity_tool",
        operation="create",
        entity_type="requirement",
        parent="VEH-DOC-1",
        data={"title": "Is listened to"},
    )["structuredContent"]
    key = made["item"]["key"]
    return key, f"atoms://acme/{key}"


def change(server, tokens, key):
    """Change it as Ada, through one replica."""
    result = server.call(
        tokens["ada"],
        "entity_tool",
        operation="update",
        entity_type="requirement",
        entity_id=key,
        data={"title": f"Renamed {secrets.token_hex(4)}"},
    )
    assert result["structuredContent"]["ok"], result


class Ear:
    """Listens at a replica, byte for byte; a context."""

    def __init__(self, http, server, token, uris, call_id="l"):
        message, headers = modern(
            "subscriptions/listen",
            {"notifications": {"resourceSubscriptions": uris}},
            call_id=call_id,
        )
        headers |= {"Authorization": f"Bearer {token}", "Accept": BOTH}
        self.asking = http.post(server.mcp_url, json=message, headers=headers)

    async def __aenter__(self):
        self.answer = await self.asking
        self.events = Events(self.answer)
        self.acknowledged = (await self.events.next()).said["params"]["notifications"]
        return self

    async def __aexit__(self, *_exc):
        self.answer.close()


@pytest.mark.parametrize("there", [0, 1], ids=["same", "other"])
async def test_who_may_read_it_hears_of_a_change_at_any_replica(replicas, tokens, listed, there):
    key, uri = listed
    async with (
        ClientSession() as http,
        Ear(http, replicas[there], tokens["ada"], [uri]) as ada,
        Ear(http, replicas[there], tokens["vic"], [uri]) as vic,
        Ear(http, replicas[there], tokens["bob"], [uri]) as bob,
    ):
        assert ada.acknowledged == vic.acknowledged == {"resourceSubscriptions": [uri]}
        assert bob.acknowledged == {}
        await asyncio.to_thread(change, replicas[0], tokens, key)

        for ear in (ada, vic):
            event = await ear.events.next()
            assert event.said["method"] == "notifications/resources/updated"
            assert event.said["params"]["uri"] == uri
            assert event.said["params"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "l"}


async def test_the_official_client_hears_what_another_replica_changed(replicas, tokens, listed):
    key, uri = listed
    headers = {"Authorization": f"Bearer {tokens['ada']}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(
            streamable_http_client(replicas[1].mcp_url, http_client=http), mode="2026-07-28"
        ) as client,
        client.listen(resource_subscriptions=[uri]) as changes,
    ):
        await asyncio.to_thread(change, replicas[0], tokens, key)
        async with asyncio.timeout(BOUND_S):
            heard = await anext(aiter(changes))

    assert str(heard.uri) == uri


@pytest.mark.parametrize("revision", ["2025-11-25", "2025-03-26"])
async def test_a_session_hears_at_one_replica_what_it_subscribed_to_at_the_other(
    replicas, tokens, listed, revision
):
    key, uri = listed
    here, there = replicas
    headers = {"Authorization": f"Bearer {tokens['ada']}", "Accept": BOTH}
    async with ClientSession(headers=headers) as http:
        async with http.post(here.mcp_url, json=initialize(revision)) as answer:
            session = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}
        async with http.get(there.mcp_url, headers=session) as standing:
            events = Events(standing)
            wish = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe"}
            async with http.post(
                here.mcp_url, json={**wish, "params": {"uri": uri}}, headers=session
            ) as answer:
                assert (await answer.json())["result"] == {}
            await asyncio.to_thread(change, here, tokens, key)
            while (event := await events.next()).said is None:
                pass
            assert event.said["method"] == "notifications/resources/updated"
            assert event.said["params"] == {"uri": uri}
            # What was missed comes with the last id.
            async with http.get(there.mcp_url, headers=session | {"Last-Event-ID": event.id}):
                assert await events.next() is None
            await asyncio.to_thread(change, here, tokens, key)
            async with http.get(
                there.mcp_url, headers=session | {"Last-Event-ID": event.id}
            ) as again:
                missed = await Events(again).next()
            assert missed.said["params"] == {"uri": uri}
            assert missed.id != event.id
            async with http.delete(here.mcp_url, headers=session) as answer:
                assert answer.status == 204


@pytest.fixture
def full_document(replicas, tokens):
    """A new document of Ada's with two requirements in it, which nobody deletes unasked."""
    document = replicas[0].call(
        tokens["ada"],
        "entity_tool",
        operation="create",
        entity_type="document",
        parent="acme/VEH",
        data={"title": "Is asked about"},
    )["structuredContent"]["item"]["key"]
    replicas[0].call(
        tokens["ada"],
        "entity_tool",
        operation="create",
        entity_type="requirement",
        parent=document,
        items=[{"title": "Stop"}, {"title": "Stay"}],
    )
    return document


@pytest.mark.parametrize("revision", ["2025-11-25", "2025-06-18"])
async def test_what_one_replica_asks_may_be_answered_at_the_other(
    replicas, tokens, full_document, revision
):
    here, there = replicas
    opening = initialize(revision, capabilities={"elicitation": {}})
    arguments = {"operation": "delete", "entity_type": "document", "entity_id": full_document}
    params = {"name": "entity_tool", "arguments": arguments}
    deleting = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"Authorization": f"Bearer {tokens['ada']}", "Accept": BOTH}
    async with ClientSession(headers=headers) as http:
        async with http.post(here.mcp_url, json=opening) as answer:
            session = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}
        async with http.post(here.mcp_url, json=deleting, headers=session) as asking:
            events = Events(asking)
            while (question := await events.next()).said is None:
                pass
            assert question.said["method"] == "elicitation/create"
            told = {"jsonrpc": "2.0", "id": question.said["id"]}
            outcome = {"action": "accept", "content": {"delete": True}}
            async with http.post(
                there.mcp_url, json={**told, "result": outcome}, headers=session
            ) as taken:
                assert taken.status == 202
            [last] = await events.rest()

    assert last.said["id"] == 1
    assert last.said["result"]["isError"] is False


async def test_streams_end_with_their_result_when_their_server_stops(start_server, stack, tokens):
    server = start_server(stack)
    async with ClientSession() as http, Ear(http, server, tokens["ada"], []) as ear:
        stopping = asyncio.create_task(asyncio.to_thread(server.process.stop, signal.SIGTERM))
        [last] = await ear.events.rest()
        async with asyncio.timeout(BOUND_S * 2):
            assert await stopping == 0

    assert last.said["id"] == "l"
    assert last.said["result"]["resultType"] == "complete"
