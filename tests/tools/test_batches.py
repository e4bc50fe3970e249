"""Batches of more than a hundred, on the embedded stack."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError

CREATE = {"operation": "create", "entity_type": "requirement"}
COUNT = {"operation": "list", "entity_type": "requirement", "include": ["total"], "limit": 1}


def titled(count):
    return [{"title": f"Row {number}"} for number in range(count)]


@pytest.fixture
def watching(workspace, client):
    workspace.client = client({})
    return workspace


async def count(workspace, project):
    answer = await workspace.call("ada", parent=project.document, **COUNT)
    return answer["page"]["total"]


async def test_a_great_batch_is_stored_in_steps_and_says_how_far_it_is(watching, project):
    answer = await watching.call("ada", parent=project.document, items=titled(250), **CREATE)

    assert answer["stored"] == 250
    assert answer["keys"] == [project.item(number) for number in range(1, 251)]
    assert "items" not in answer
    assert watching.client.progressed == [
        (100, 250, "100 of 250 requirements created"),
        (200, 250, "200 of 250 requirements created"),
        (250, 250, "250 of 250 requirements created"),
    ]
    inserts = [one for one in watching.requests if one.path == "requirements"]
    assert [len(one.body) for one in inserts] == [100, 100, 50]


async def test_a_batch_of_one_step_reports_nothing(watching, project):
    await watching.call("ada", parent=project.document, items=titled(100), **CREATE)

    assert watching.client.progressed == []


async def test_a_cancelled_batch_stops_at_the_next_step_and_says_so(workspace, client, project):
    workspace.client = client({}, cancelled_after=2)

    error = await workspace.refused("ada", parent=project.document, items=titled(250), **CREATE)

    assert error.code == "cancelled"
    assert error.message.startswith(
        f"200 of 250 requirements are stored ({project.item(1)} to {project.item(200)}); "
        "those from items[200] on are not: the call was cancelled."
    )
    assert error.details["first_not_done"] == 200
    assert await count(workspace, project) == 200


async def test_a_step_that_fails_is_stored_not_at_all(workspace, project):
    await workspace.call(
        "ada",
        parent=project.document,
        data={"title": "There", "external_id": "X-150"},
        **CREATE,
    )
    rows = [row | {"external_id": f"X-{at}"} for at, row in enumerate(titled(250))]

    error = await workspace.refused("ada", parent=project.document, items=rows, **CREATE)

    assert error.code == "duplicate"
    assert "100 of 250 requirements are stored" in error.message
    assert "those from items[100] on are not: external_id 'X-150' is taken" in error.message
    assert error.details["keys"][0] == project.item(2)
    assert await count(workspace, project) == 101


async def test_what_fails_at_the_first_step_has_stored_nothing(workspace, project):
    rows = [{"title": "Row", "parent": project.item(999)}, *titled(150)]

    error = await workspace.refused("ada", parent=project.document, items=rows, **CREATE)

    assert error.code == "not_found"
    assert await count(workspace, project) == 0


async def test_the_first_steps_own_fault_is_told_as_ever(workspace, project):
    await workspace.call(
        "ada", parent=project.document, data={"title": "There", "external_id": "X"}, **CREATE
    )
    rows = [{"title": "Row", "external_id": "X"}, *titled(150)]

    error = await workspace.refused("ada", parent=project.document, items=rows, **CREATE)

    assert error.message == f"external_id 'X' is taken by requirement {project.item(1)}."


async def test_what_stands_twice_is_found_before_anything_is_stored(workspace, project):
    rows = titled(150)
    for at in (3, 140):
        rows[at]["external_id"] = "X"

    error = await workspace.refused("ada", parent=project.document, items=rows, **CREATE)

    assert error.code == "duplicate"
    assert "given to several of the items" in error.message
    assert await count(workspace, project) == 0


async def test_a_batch_that_was_cut_short_is_finished_by_its_token(workspace, client, project):
    call = {
        "parent": project.document,
        "items": titled(250),
        "client_token": f"import {project.key}",
        **CREATE,
    }
    workspace.client = client({}, cancelled_after=1)
    await workspace.refused("ada", **call)
    workspace.client = client({})

    answer = await workspace.call("ada", **call)

    assert (answer["stored"], answer["replayed"]) == (250, True)
    assert answer["keys"][:100] == [project.item(number) for number in range(1, 101)]
    assert len(set(answer["keys"])) == 250
    assert answer["warnings"] == [
        "this client_token was used before: 100 were there already, 150 created now"
    ]
    assert await count(workspace, project) == 250


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (SupabaseError("slow", "no answer"), "unavailable", "may be stored or not"),
        (SupabaseError("busy", "later", retry_after_s=3), "rate_limited", "from items[100] on"),
        (CallerExpired("PGRST303"), "unauthenticated", "from items[100] on are not"),
    ],
)
async def test_an_outage_half_way_is_told_with_what_is_stored(
    workspace, project, monkeypatch, fault, code, words
):
    sent = workspace.rest.send

    async def send(request: RestRequest, token):
        if request.method == "POST" and len(steps) == 1:
            raise fault
        if request.method == "POST":
            steps.append(request)
        return await sent(request, token)

    steps = []
    monkeypatch.setattr(workspace.rest, "send", send)

    error = await workspace.refused("ada", parent=project.document, items=titled(250), **CREATE)

    assert error.code == code
    assert words in error.message
    assert error.details["stored"] == 100


async def test_a_step_of_which_a_part_is_stored_is_not_called_undone(
    workspace, project, monkeypatch
):
    sent, inserts = workspace.rest.send, []

    async def send(request: RestRequest, token):
        answer = await sent(request, token)
        if request.method == "POST":
            inserts.append(request)
        is_partial = len(inserts) == 2 and request.path == "requirements"
        return replace(answer, data=answer.data[:-1]) if is_partial and answer.data else answer

    monkeypatch.setattr(workspace.rest, "send", send)

    error = await workspace.refused(
        "ada", parent=project.document, items=titled(250), client_token="t", **CREATE
    )

    assert error.code == "conflict"
    assert "items[100] to items[199] may be stored or not" in error.message
    assert error.details["stored"] == 100


async def test_how_far_a_cancelled_batch_came_is_logged(workspace, client, project):
    workspace.client = client({}, cancelled_after=1)

    with capture_logs() as lines:
        await workspace.refused("ada", parent=project.document, items=titled(250), **CREATE)

    (line,) = [line for line in lines if line["event"] == "batch.cancelled"]
    assert (line["done"], line["total"], line["entity_type"]) == (100, 250, "requirement")
    assert line["request_id"] == "request-1"


async def test_an_outage_at_the_first_step_passes_through(workspace, project, monkeypatch):
    sent = workspace.rest.send

    async def send(request: RestRequest, token):
        if request.method == "POST":
            raise SupabaseError("down", "nobody there")
        return await sent(request, token)

    monkeypatch.setattr(workspace.rest, "send", send)

    with pytest.raises(SupabaseError):
        await workspace.run(
            "ada", "entity_tool", {"parent": project.document, "items": titled(150), **CREATE}
        )


async def test_many_parents_are_looked_up_in_pieces(workspace, project):
    await workspace.call("ada", parent=project.document, items=titled(250), **CREATE)
    rows = [{"title": "Child", "parent": project.item(number)} for number in range(1, 251)]

    answer = await workspace.call("ada", parent=project.document, items=rows, **CREATE)

    assert answer["stored"] == 250
    lookups = [one for one in workspace.requests if one.path == "items"]
    assert len(lookups) == 3
