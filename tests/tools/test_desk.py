import uuid
from dataclasses import replace

import pytest

from atoms_mcp.engine.context import Context
from atoms_mcp.entities.catalogue import load_catalogue
from atoms_mcp.entities.paging import Cursors
from atoms_mcp.entities.postgrest import MAX_QUERY_BYTES, query_bytes
from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.entities.view import Unnamed
from atoms_mcp.errors import ToolError
from atoms_mcp.tools.desk import Desk, answer

CATALOGUE = load_catalogue()


def desk(workspace):
    context = Context(workspace.find_caller("ada"), workspace.rest, "r")
    return Desk(context, CATALOGUE, Cursors(b"k" * 32), lambda: 0.0)


async def test_users_and_items_are_named_by_one_look_up_each(scripted):
    workspace = scripted(
        [{"id": "u1", "email": "dana@acme.example"}, {"id": "u2", "email": None}],
        [{"id": "i1", "key": "VEH-REQ-1"}],
    )

    names = await desk(workspace).named(Unnamed(frozenset({"u1", "u2"}), frozenset({"i1"})))

    assert names["u1"] == "dana@acme.example"
    assert names["i1"] == "VEH-REQ-1"
    assert "u2" not in names
    assert len(workspace.rest.requests) == 2


async def test_the_caller_needs_no_look_up(scripted):
    workspace = scripted()
    one = desk(workspace)

    names = await one.named(Unnamed(frozenset({one.user_id}), frozenset()))

    assert names == {one.user_id: "ada@acme.example"}


async def test_a_caller_without_an_address_goes_by_the_id(scripted):
    workspace = scripted()
    find_caller = workspace.find_caller
    workspace.find_caller = lambda who: replace(find_caller(who), email="")
    one = desk(workspace)

    names = await one.named(Unnamed(frozenset({one.user_id}), frozenset()))

    assert names == {one.user_id: one.user_id}


async def test_many_ids_are_looked_up_in_queries_that_fit(scripted):
    ids = frozenset(str(uuid.uuid4()) for _ in range(250))
    workspace = scripted([], [], [])

    await desk(workspace).named(Unnamed(frozenset(), ids))

    assert len(workspace.rest.requests) == 3
    for request in workspace.rest.requests:
        assert query_bytes(request.query) < MAX_QUERY_BYTES


async def test_a_query_that_no_gateway_takes_is_not_sent(scripted):
    workspace = scripted()
    request = RestRequest("GET", "items", (("key", "eq." + "x" * 8000),))

    with pytest.raises(ToolError, match="limit_exceeded"):
        await desk(workspace).rows(request)


async def test_no_answer_is_no_rows(scripted):
    assert await desk(scripted(None)).rows(RestRequest("GET", "items")) == []


def test_an_answer_begins_with_what_it_is_about():
    entity = CATALOGUE["project"]

    shown = answer(
        "list", entity, warnings=[], page={"returned": 0}, items=[], scope=None, replayed=None
    )

    assert shown == {
        "ok": True,
        "op": "list",
        "type": "project",
        "items": [],
        "page": {"returned": 0},
    }
