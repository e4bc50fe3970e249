"""A great batch as a task, with two processes that share a Redis: either can be asked for it."""

import asyncio
import secrets
import signal
import uuid

import httpx
import pytest

MODERN = "2026-07-28"
TASKS = "io.modelcontextprotocol/tasks"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}, "extensions": {TASKS: {}}},
}
TRIES = 500
PAUSE_S = 0.02
ENDED = {"completed", "failed", "cancelled"}


class Asker:
    """A client of one process that knows tasks."""

    def __init__(self, server, token):
        self.server = server
        self.token = token

    async def ask(self, method, **params):
        headers = {
            "Authorization": f"Bearer {self.token}",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": method,
            "Mcp-Name": params.get("taskId", params.get("name")),
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.post(self.server.mcp_url, json=message, headers=headers)
        return answer.json()

    async def begin(self, project, rows):
        """Begin to store so many requirements; give the task's id."""
        items = [{"title": f"Requirement {number}"} for number in range(rows)]
        arguments = {
            "operation": "create",
            "entity_type": "requirement",
            "parent": project,
            "items": items,
        }
        begun = await self.ask("tools/call", name="entity_tool", arguments=arguments)
        assert begun["result"]["resultType"] == "task", begun
        return begun["result"]["taskId"]

    async def until(self, task_id, statuses=ENDED):
        """Ask until it is so; give what was told then."""
        for _ in range(TRIES):
            told = (await self.ask("tasks/get", taskId=task_id))["result"]
            if told["status"] in statuses:
                return told
            await asyncio.sleep(PAUSE_S)
        raise TimeoutError


@pytest.fixture(scope="module")
def start_one(start_server, stack, _redis_server, tmp_path_factory):
    """Start a server with the key and the Redis of the others, and no file in common."""
    _redis_server.start()
    shared = {"ATOMS_SECRET_KEY": secrets.token_hex(32), "ATOMS_REDIS_URL": _redis_server.url}

    def start():
        folder = tmp_path_factory.mktemp("replica")
        return start_server(stack, **shared, ATOMS_STATE_DIR=str(folder))

    return start


@pytest.fixture(scope="module")
def pair(start_one):
    """Two servers."""
    return start_one(), start_one()


@pytest.fixture
def document(pair, tokens):
    """Make a document that no other test has; give its key."""
    key = "T" + uuid.uuid4().hex[:6].upper().translate(str.maketrans("0123456789", "GHIJKLMNOP"))
    one, token = pair[0], tokens["ada"]
    made = one.call(
        token,
        "entity_tool",
        operation="create",
        entity_type="project",
        parent="acme",
        data={"name": key, "key": key},
    )
    assert made["isError"] is False, made
    made = one.call(
        token,
        "entity_tool",
        operation="create",
        entity_type="document",
        parent=key,
        data={"name": "All of it"},
    )
    return made["structuredContent"]["item"]["key"]


async def test_what_one_process_works_on_the_other_one_tells(pair, tokens, document):
    here, there = (Asker(server, tokens["ada"]) for server in pair)

    task_id = await here.begin(document, 250)
    told = await there.until(task_id)

    assert told["status"] == "completed", told
    assert told["result"]["isError"] is False
    assert (await here.ask("tasks/get", taskId=task_id))["result"] == told


async def test_it_is_nobody_elses(pair, tokens, document):
    here, stranger = Asker(pair[0], tokens["ada"]), Asker(pair[1], tokens["vic"])

    task_id = await here.begin(document, 150)
    refused = await stranger.ask("tasks/get", taskId=task_id)
    not_stopped = await stranger.ask("tasks/cancel", taskId=task_id)

    assert refused["error"]["code"] == not_stopped["error"]["code"] == -32602
    assert (await here.until(task_id))["status"] == "completed"


async def test_it_is_stopped_through_the_other_process_and_says_what_was_done(
    pair, tokens, document
):
    here, there = (Asker(server, tokens["ada"]) for server in pair)

    task_id = await here.begin(document, 1000)
    acknowledged = await there.ask("tasks/cancel", taskId=task_id)
    told = await there.until(task_id)

    assert set(acknowledged["result"]) == {"resultType", "_meta"}
    assert told["status"] == "cancelled", told
    assert "of 1000 requirements" in told["statusMessage"]


async def test_a_process_that_ends_lets_its_tasks_fail(start_one, pair, tokens, document):
    there, third = Asker(pair[1], tokens["ada"]), start_one()

    task_id = await Asker(third, tokens["ada"]).begin(document, 1000)
    await asyncio.to_thread(third.process.stop, signal.SIGTERM)
    told = await there.until(task_id)

    assert told["status"] == "failed", told
    assert told["error"]["message"].startswith("The server that worked on this task was stopped.")
    assert "of 1000 requirements" in told["error"]["message"]
