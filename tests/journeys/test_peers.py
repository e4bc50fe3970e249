"""Clients nobody here wrote, and all that goes on between a request and its answer.

Each of them asks for, is asked, hears and stops, in every revision that it speaks.
"""

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import httpx2
import pytest
from aiohttp_tiny_mcp.client.http import Client as TinyClient
from aiohttp_tiny_mcp.protocol.core import Operation
from aiohttp_tiny_mcp.protocol.v2024_11_05 import Adapter2024_11_05
from aiohttp_tiny_mcp.protocol.v2025_03_26 import Adapter2025_03_26
from aiohttp_tiny_mcp.protocol.v2025_06_18 import Adapter2025_06_18
from aiohttp_tiny_mcp.protocol.v2025_11_25 import Adapter2025_11_25
from aiohttp_tiny_mcp.protocol.v2026_07_28 import Adapter2026_07_28
from mcp import Client, StdioServerParameters, types
from mcp.client.streamable_http import streamable_http_client
from task_extension import Tasks

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SERVER = str(HERE.parent / "doubles" / "peer_server.py")
OLD_CLIENT = str(HERE.parent / "doubles" / "old_client.py")
MCP_1_PYTHON = ROOT / ".venv-mcp1" / "bin" / "python"
BOUND_S = 10
PAUSE_S = 0.01
TRIES = 1000
TODAY = "note://today"
MODERN = "2026-07-28"
MODES = ["legacy", MODERN]
TRANSPORTS = ["http", "stdio"]
ADAPTERS = (
    Adapter2026_07_28,
    Adapter2025_11_25,
    Adapter2025_06_18,
    Adapter2025_03_26,
    Adapter2024_11_05,
)


@pytest.fixture(scope="module")
def peer_url(start, stack):
    """The MCP endpoint of a server that is there for these clients alone."""
    process = start(SERVER, "http", env=stack.env, program=())
    yield process.wait_for(r"http://\S+").group()
    process.stop()


@pytest.fixture
def stdio_env(stack, tokens):
    """What a server on stdio needs to know."""
    return {**stack.env, "ATOMS_ACCESS_TOKEN": tokens["ada"]}


@pytest.fixture(autouse=True)
async def bound():
    """Nothing here takes long."""
    async with asyncio.timeout(6 * BOUND_S):
        yield


async def until(look):
    """Ask until it is so; give what it was then."""
    for _ in range(TRIES):
        if found := await look():
            return found
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError


# The official client, 2.x


class Heard:
    """What the client was told and asked on the way."""

    def __init__(self):
        self.progress = []
        self.logged = []
        self.updated = []

    async def on_progress(self, done, total, message):
        self.progress.append((done, total, message))

    async def on_log(self, params):
        self.logged.append((params.level, params.logger, params.data))

    async def on_message(self, message):
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updated.append(str(message.params.uri))

    async def on_elicit(self, _context, params):
        assert params.message == "What is your name?"
        return types.ElicitResult(action="accept", content={"name": "Ada"})


@asynccontextmanager
async def open_client(transport, mode, heard, peer_url, stdio_env, tokens, **more):
    options = {
        **more,
        "mode": mode,
        "logging_callback": heard.on_log,
        "elicitation_callback": heard.on_elicit,
        "message_handler": heard.on_message,
    }
    if mode == MODERN:
        options["log_level"] = "info"
    if transport == "stdio":
        command = StdioServerParameters(
            command=sys.executable, args=[SERVER, "stdio"], env=stdio_env
        )
        async with Client(command, **options) as client:
            yield client
        return
    headers = {"Authorization": f"Bearer {tokens['ada']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=BOUND_S) as http:
        way = streamable_http_client(peer_url, http_client=http)
        async with Client(way, **options) as client:
            yield client


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture(params=[(way, mode) for way in TRANSPORTS for mode in MODES], ids="-".join)
def connect(request, heard, peer_url, stdio_env, tokens):
    """Give a way to open the client, and the revision it speaks."""
    transport, mode = request.param
    return lambda **more: open_client(transport, mode, heard, peer_url, stdio_env, tokens, **more)


async def seen(client):
    return (await client.call_tool("look")).structured_content


async def test_the_client_reads_what_there_is(connect):
    async with connect() as client:
        listed = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        read = await client.read_resource("note://monday")

    assert TODAY in [str(one.uri) for one in listed]
    assert {"note://{day}", "atoms://{org}/{key}"} <= {one.uri_template for one in templates}
    assert read.contents[0].text == "the note of monday"


async def test_the_client_reads_a_document_that_is_listed_for_its_user(connect):
    async with connect() as client:
        listed = (await client.list_resources()).resources
        document = next(one for one in listed if str(one.uri) == "atoms://acme/VEH-DOC-1")
        read = await client.read_resource(str(document.uri))

    assert read.contents[0].mime_type == "text/markdown"
    assert "VEH-REQ-1" in read.contents[0].text


async def test_the_client_gets_a_prompt_and_completions(connect):
    async with connect() as client:
        prompts = (await client.list_prompts()).prompts
        got = await client.get_prompt("greet", {"name": "Ada"})
        prompt = types.PromptReference(type="ref/prompt", name="greet")
        names = await client.complete(prompt, {"name": "name", "value": "al"})
        loud = await client.complete(prompt, {"name": "name", "value": "al"}, {"tone": "loud"})
        note = types.ResourceTemplateReference(type="ref/resource", uri="note://{day}")
        days = await client.complete(note, {"name": "day", "value": "t"})

    assert "greet" in [prompt.name for prompt in prompts]
    assert got.messages[0].content.text == "Greet Ada."
    assert names.completion.values == ["Alan"]
    assert loud.completion.values == ["ALAN"]
    assert days.completion.values == ["tuesday", "today"]


async def test_the_client_is_asked_and_answers(connect):
    async with connect() as client:
        result = await client.call_tool("introduce")

    assert result.structured_content == {"action": "accept", "name": "Ada"}


async def test_the_client_receives_progress_and_log_messages(connect, heard):
    async with connect() as client:
        if client.protocol_version != MODERN:
            with pytest.warns(match="logging"):
                await client.set_logging_level("info")
        result = await client.call_tool("count", progress_callback=heard.on_progress)
        await until(lambda: _now(len(heard.logged) == 3 and len(heard.progress) == 3))

    assert result.structured_content == {"counted": 3}
    assert heard.progress == [(step, 3, f"step {step}") for step in (1, 2, 3)]
    assert heard.logged == [("info", "counter", {"step": step}) for step in (1, 2, 3)]


async def _now(found):
    return found


async def test_the_client_hears_that_a_resource_changed(connect, heard):
    async with connect() as client:
        if client.protocol_version == MODERN:
            async with client.listen(resource_subscriptions=[TODAY]) as changes:
                await client.call_tool("touch")
                async with asyncio.timeout(BOUND_S):
                    event = await anext(changes)
            assert event.uri == TODAY
        else:
            with pytest.warns(match="subscribe"):
                await client.subscribe_resource(TODAY)

            async def touch():
                await client.call_tool("touch")
                return heard.updated

            await until(touch)
            assert set(heard.updated) == {TODAY}


async def test_the_client_stops_a_call(connect):
    async with connect() as client:
        before = await seen(client)
        holding = asyncio.ensure_future(client.call_tool("hold"))

        async def is_held():
            return (await seen(client))["held"] > before["held"]

        async def is_stopped():
            return (await seen(client))["stopped"] > before["stopped"]

        await until(is_held)
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        await until(is_stopped)


# The official client, with an extension that knows tasks


def give_name(question):
    assert question["params"]["message"] == "What is your name?"
    return {"action": "accept", "content": {"name": "Ada"}}


async def test_the_client_waits_for_a_task_and_answers_what_it_asks(connect):
    tasks = Tasks(give_name)
    async with connect(extensions=[tasks]) as client:
        result = await client.call_tool("prepare")
        has_tasks = client.protocol_version == MODERN

    assert result.structured_content == {"action": "accept", "name": "Ada", "steps": 3}
    # Clients of the revisions before are asked on the way.
    assert [told.status for told in tasks.told if told.questions] == (
        ["input_required"] if has_tasks else []
    )
    assert bool(tasks.told) == has_tasks


async def test_the_client_stops_a_task(connect):
    tasks = Tasks(is_stopped=True)
    async with connect(extensions=[tasks]) as client:
        before = await seen(client)
        result = await client.call_tool("hold_on")
        after = await seen(client)
        has_tasks = client.protocol_version == MODERN

    assert result.is_error
    if has_tasks:
        assert tasks.told[-1].status == "cancelled"
        assert after["stopped"] == before["stopped"] + (after["held"] - before["held"])
    else:
        assert result.content[0].text.startswith("unavailable: hold_on takes long")


# The official client, 1.x, in a process of its own


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_1_x_client_does_all_that_it_can(transport, peer_url, stdio_env, tokens):
    where = [peer_url, tokens["ada"]] if transport == "http" else [sys.executable, SERVER]
    done = subprocess.run(  # noqa: S603 - our own text
        [MCP_1_PYTHON, OLD_CLIENT, transport, *where],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=stdio_env,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["revision"] == "2025-11-25"
    assert TODAY in told["resources"]
    assert "note://{day}" in told["templates"]
    assert told["read"] == "the note of monday"
    assert "greet" in told["prompts"]
    assert told["prompt"] == "Greet Ada."
    assert told["completed"] == ["Alan"]
    assert told["introduced"] == {"action": "accept", "name": "Ada"}
    assert told["progress"] == [[step, 3, f"step {step}"] for step in (1, 2, 3)]
    assert told["logged"] == [["info", "counter", {"step": step}] for step in (1, 2, 3)]
    assert set(told["updated"]) == {TODAY}
    assert told["stopped"] == 1


# aiohttp-tiny-mcp, in all five revisions


@pytest.fixture(params=ADAPTERS, ids=lambda kind: kind.version)
def tiny(request, peer_url, tokens):
    """Give a way to open the small client in one revision."""

    @asynccontextmanager
    async def open_one(**options):
        headers = {"Authorization": f"Bearer {tokens['ada']}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            TinyClient(peer_url, request.param(), session=http, **options) as client,
        ):
            if client.adapter.method_for(Operation.LISTEN) is None:
                await client.initialize()
            yield client

    return open_one


def structured(result):
    """Give the data of a result; revisions without it show it as text."""
    return json.loads(result.content[0].text)


async def test_the_small_client_lists_reads_and_completes(tiny):
    async with tiny() as client:
        tools = [tool.name for tool in await client.list_tools()]
        resources = [one.uri for one in await client.list_resources()]
        read = await client.read_resource(TODAY)
        prompt = await client.get_prompt("greet", {"name": "Ada"})
        completed = await client.complete(
            {"type": "ref/prompt", "name": "greet"}, {"name": "name", "value": "al"}
        )

    assert {"entity_tool", "workspace_tool", "introduce"} <= set(tools)
    assert TODAY in resources
    assert read.contents[0].text.startswith("touched")
    assert prompt.messages[0].content.text == "Greet Ada."
    assert completed.completion.values == ["Alan"]


async def test_the_small_client_is_asked_and_answers(tiny):
    asked = []

    async def answer(request):
        asked.append(request["params"]["message"])
        return {"action": "accept", "content": {"name": "Ada"}}

    async with tiny(on_ask=answer) as client:
        result = await client.call_tool("introduce", {})

    assert structured(result) == {"action": "accept", "name": "Ada"}
    assert asked == ["What is your name?"]


async def test_the_small_client_receives_progress_and_log_messages(tiny):
    heard = []

    async with tiny(on_notification=heard.append, log_level="info") as client:
        if client.adapter.method_for(Operation.LISTEN) is None:
            await client.set_log_level("info")
        params = {"name": "count", "arguments": {}, "_meta": {"progressToken": "p-1"}}
        await client.request_method("tools/call", params, name="count")

    progress = [one["params"] for one in heard if one["method"] == "notifications/progress"]
    logged = [one["params"] for one in heard if one["method"] == "notifications/message"]
    assert [(one["progressToken"], one["progress"]) for one in progress] == [
        ("p-1", step) for step in (1, 2, 3)
    ]
    assert [one["data"] for one in logged] == [{"step": step} for step in (1, 2, 3)]
    has_words = client.adapter.version != "2024-11-05"
    assert all(("message" in one) == has_words for one in progress)


async def test_the_small_client_hears_that_a_resource_changed(tiny):
    async with tiny() as client, aclosing(client.listen(resources=[TODAY])) as changes:
        hearing = asyncio.ensure_future(anext(changes))

        async def touch():
            await client.call_tool("touch", {})
            return hearing.done()

        await until(touch)
        change = hearing.result()

    assert change["method"] == "notifications/resources/updated"
    assert change["params"]["uri"] == TODAY


async def test_the_small_client_stops_a_call(tiny):
    async with tiny() as client, tiny() as other:
        before = structured(await other.call_tool("look", {}))
        holding = asyncio.ensure_future(client.call_tool("hold", {}))

        async def is_held():
            return structured(await other.call_tool("look", {}))["held"] > before["held"]

        async def is_stopped():
            return structured(await other.call_tool("look", {}))["stopped"] > before["stopped"]

        await until(is_held)
        if client.adapter.method_for(Operation.LISTEN) is None:
            params = {"requestId": client.next_id_counter}
            await client.send_notification(
                {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params},
                method="notifications/cancelled",
            )
        else:
            holding.cancel()  # it leaves, which says the same in this revision
        await until(is_stopped)
        # A cancelled call has no answer; what this client makes of that is its own matter.
        await asyncio.wait([holding], timeout=BOUND_S)

    assert holding.cancelled() or holding.exception() is not None
