"""What the workspace offers beyond its tools, used by the official client in both eras."""

import asyncio
import json
import sys
import uuid
from contextlib import asynccontextmanager

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters, types
from mcp.client.streamable_http import streamable_http_client

BOUND_S = 10
PAUSE_S = 0.01
MODERN = "2026-07-28"
WAYS = [("http", "legacy"), ("http", MODERN), ("stdio", "legacy"), ("stdio", MODERN)]
TEXT = "atoms://{org}/{key}"


class Person:
    """Who sits before the client: fills in forms as told, sees progress, hears of changes."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.progress = []
        self.updated = []

    async def on_elicit(self, _context, params):
        self.asked.append(params.message)
        content = self.answers.get(params.message.split()[0])
        if content is None:
            return types.ElicitResult(action="decline")
        return types.ElicitResult(action="accept", content=content)

    async def on_progress(self, done, total, message):
        self.progress.append((done, total, message))

    async def on_message(self, message):
        if isinstance(message, types.ResourceUpdatedNotification):
            self.updated.append(str(message.params.uri))


@pytest.fixture
def person():
    return Person()


@pytest.fixture(params=WAYS, ids="-".join)
def connect(request, server, stack, tokens, person):
    """Give a way to open the client."""
    transport, mode = request.param
    options = {
        "mode": mode,
        "elicitation_callback": person.on_elicit,
        "message_handler": person.on_message,
    }

    @asynccontextmanager
    async def over_http():
        headers = {"Authorization": f"Bearer {tokens['ada']}"}
        async with httpx2.AsyncClient(headers=headers, timeout=BOUND_S) as http:
            way = streamable_http_client(server.mcp_url, http_client=http)
            async with Client(way, **options) as client:
                yield client

    def over_stdio():
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "atoms_mcp", "stdio"],
            env={**stack.env, "ATOMS_ACCESS_TOKEN": tokens["ada"]},
        )
        return Client(command, **options)

    return over_http if transport == "http" else over_stdio


@pytest.fixture(autouse=True)
async def bound():
    """Nothing here takes long."""
    async with asyncio.timeout(6 * BOUND_S):
        yield


async def call(client, **arguments):
    result = await client.call_tool("entity_tool", arguments)
    assert not result.is_error, result.content[0].text
    return result


async def new_project(client):
    """Create a project with a document and two requirements; give its key."""
    key = "J" + uuid.uuid4().hex[:7].upper()
    data = {"title": f"Journey {key}", "key": key}
    await call(client, operation="create", entity_type="project", parent="acme", data=data)
    await call(
        client,
        operation="create",
        entity_type="document",
        parent=f"acme/{key}",
        data={"title": "Brakes"},
    )
    await call(
        client,
        operation="create",
        entity_type="requirement",
        parent=f"{key}-DOC-1",
        items=[{"title": "Stop", "description": "It shall stop."}, {"title": "Stay"}],
    )
    return key


async def test_a_document_is_found_completed_and_read(connect):
    async with connect() as client:
        key = await new_project(client)
        listed = (await client.list_resources()).resources
        reference = types.ResourceTemplateReference(type="ref/resource", uri=TEXT)
        orgs = await client.complete(reference, {"name": "org", "value": "ac"})
        keys = await client.complete(
            reference, {"name": "key", "value": f"{key}-D"}, {"org": "acme"}
        )
        text = await client.read_resource(f"atoms://acme/{key}-DOC-1")
        data = await client.read_resource(f"atoms://acme/{key}-REQ-1.json")
        with pytest.raises(MCPError) as refused:
            await client.read_resource("atoms://umbrella/UMB-DOC-1")
        missing = -32602 if client.protocol_version == MODERN else -32002

    assert f"atoms://acme/{key}-DOC-1" in [str(one.uri) for one in listed]
    assert "acme" in orgs.completion.values
    assert keys.completion.values == [f"{key}-DOC-1"]
    assert text.contents[0].mime_type == "text/markdown"
    assert f"**{key}-REQ-1** Stop (draft, medium)\n\nIt shall stop." in text.contents[0].text
    assert json.loads(data.contents[0].text)["description"] == "It shall stop."
    assert refused.value.error.code == missing


async def test_a_prompt_embeds_what_it_is_about(connect):
    async with connect() as client:
        key = await new_project(client)
        prompts = {one.name: one for one in (await client.list_prompts()).prompts}
        reference = types.PromptReference(type="ref/prompt", name="derive_tests")
        keys = await client.complete(reference, {"name": "requirement", "value": f"{key}-R"})
        got = await client.get_prompt("derive_tests", {"requirement": f"{key}-REQ-1"})
        with pytest.raises(MCPError, match="not_found"):
            await client.get_prompt("review_document", {"document": "UMB-DOC-1"})

    assert {"write_requirement", "review_document", "impact_report"} <= set(prompts)
    assert set(keys.completion.values) == {f"{key}-REQ-1", f"{key}-REQ-2"}
    told, *pages = [message.content for message in got.messages]
    assert f"from the requirement {key}-REQ-1." in told.text
    assert [str(page.resource.uri) for page in pages] == [
        f"atoms://acme/{key}-REQ-1",
        f"atoms://acme/{key}-DOC-1",
    ]


async def test_a_deletion_is_asked_for_and_happens_if_agreed(connect, person):
    async with connect() as client:
        key = await new_project(client)
        arguments = {
            "operation": "delete",
            "entity_type": "document",
            "entity_id": f"{key}-DOC-1",
        }
        declined = await client.call_tool("entity_tool", arguments)
        person.answers["Delete"] = {"delete": True}
        agreed = await client.call_tool("entity_tool", arguments)

    assert declined.is_error
    assert declined.structured_content["error"]["code"] == "declined"
    assert not agreed.is_error
    assert person.asked[0] == person.asked[1]
    assert "It takes 2 requirements out of sight" in person.asked[0]


async def test_a_name_that_two_have_is_chosen_and_then_confirmed(connect, person):
    async with connect() as client:
        key = await new_project(client)
        for _ in range(2):
            await call(
                client,
                operation="create",
                entity_type="document",
                parent=f"acme/{key}",
                data={"title": "Twins"},
            )
        await call(
            client,
            operation="create",
            entity_type="requirement",
            parent=f"{key}-DOC-3",
            data={"title": "Inside"},
        )
        person.answers = {
            '"twins"': {"choice": f"{key}-DOC-3"},
            "Delete": {"delete": True},
        }
        result = await call(
            client,
            operation="delete",
            entity_type="document",
            parent=f"acme/{key}",
            entity_id="twins",
        )

    assert result.structured_content["item"]["key"] == f"{key}-DOC-3"
    assert len(person.asked) == 2


async def test_a_great_batch_is_seen_to_go_on(connect, person):
    rows = [{"title": f"Row {number}", "description": "It shall. " * 10} for number in range(1000)]
    async with connect() as client:
        key = await new_project(client)
        result = await client.call_tool(
            "entity_tool",
            {
                "operation": "create",
                "entity_type": "requirement",
                "parent": f"{key}-DOC-1",
                "items": rows,
                "client_token": key,
            },
            progress_callback=person.on_progress,
        )

    assert result.structured_content["stored"] == 1000
    assert person.progress[0] == (100, 1000, "100 of 1000 requirements created")
    assert person.progress[-1] == (1000, 1000, "1000 of 1000 requirements created")


async def test_a_change_by_a_tool_is_heard_of(connect, person):
    async with connect() as client:
        key = await new_project(client)
        document = f"atoms://acme/{key}-DOC-1"

        async def change():
            await call(
                client,
                operation="update",
                entity_type="requirement",
                entity_id=f"{key}-REQ-1",
                data={"description": f"It shall stop {uuid.uuid4()}."},
            )

        if client.protocol_version == MODERN:
            async with client.listen(resource_subscriptions=[document]) as changes:
                await change()
                event = await anext(changes)
            person.updated.append(str(event.uri))
        else:
            with pytest.warns(match="subscribe"):
                await client.subscribe_resource(document)
            while not person.updated:
                await change()
                await asyncio.sleep(PAUSE_S)

    assert set(person.updated) == {document}


async def test_what_was_created_comes_with_a_link(connect):
    async with connect() as client:
        key = await new_project(client)
        result = await call(
            client,
            operation="create",
            entity_type="requirement",
            parent=f"{key}-DOC-1",
            data={"title": "Linked"},
        )
        link = result.content[1]
        read = await client.read_resource(str(link.uri))

    assert link.type == "resource_link"
    assert read.contents[0].text.startswith(f"# Linked ({key}-REQ-3)")
