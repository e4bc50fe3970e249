import json

import pytest
from supabase_double import FAULTS, answering, refusal

from atoms_mcp.identity.connections import Connection, Connections, TableMissing, client_key
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError
from atoms_mcp.supabase.rest import Rest
from atoms_mcp.supabase.wire import Wire

PLACE = "/rest/v1/mcp_grants"
GID = "6f0f3c0e-0000-4000-8000-000000000001"
CONNECTION = Connection(
    id=GID,
    client_id="https://client.example/metadata",
    client_name="A client",
    client_host="client.example",
    redirect_host="127.0.0.1",
    scope="atoms:read",
    session_id="6f0f3c0e-0000-4000-8000-000000000002",
)
ROW = {
    "id": GID,
    "client_key": CONNECTION.client_id,
    "client_name": "A client",
    "client_host": "client.example",
    "redirect_host": "127.0.0.1",
    "scope": "atoms:read",
    "session_id": CONNECTION.session_id,
    "created_at": "2026-11-23T02:34:27.903026+00:00",
    "last_used_at": "2026-11-23T03:34:27+00:00",
}


@pytest.fixture
async def connections(supabase):
    wire = Wire(supabase.settings())
    yield Connections(Rest(wire))
    await wire.close()


def sent(supabase):
    [request] = supabase.seen
    return request


async def test_a_connection_is_recorded_as_its_user(supabase, connections):
    supabase.faults[PLACE] = answering(201)

    await connections.record(CONNECTION, "the-users")

    request = sent(supabase)
    assert (request.method, request.headers["Authorization"]) == ("POST", "Bearer the-users")
    assert "ignore-duplicates" in request.headers["Prefer"]
    # What the database writes by itself is not sent: it would be refused.
    written = {k: v for k, v in ROW.items() if k not in {"created_at", "last_used_at"}}
    assert await request.json() == written


async def test_no_text_of_a_client_keeps_it_off_the_list(supabase, connections):
    supabase.faults[PLACE] = answering(201)
    hostile = Connection(
        id=GID,
        client_id="https://" + "x" * 5000,
        client_name="\x00\u202e\n" + "N" * 500,
        client_host=None,
        redirect_host="\x00",
        scope="",
        session_id="s",
    )

    await connections.record(hostile, "t")

    row = await sent(supabase).json()
    assert len(row["client_key"]) == 2048
    assert row["client_name"] == "N" * 200
    assert row["client_host"] is None
    assert (row["redirect_host"], row["scope"]) == ("-", "-")


async def test_a_use_is_noted_on_one_row(supabase, connections):
    supabase.faults[PLACE] = answering(204)

    await connections.touch(GID, "t")

    request = sent(supabase)
    assert (request.method, request.query["id"]) == ("PATCH", f"eq.{GID}")
    assert await request.json() == {"last_used_at": "now"}


async def test_one_row_is_struck_off(supabase, connections):
    supabase.faults[PLACE] = answering(204)

    await connections.remove(GID, "t")

    assert (sent(supabase).method, sent(supabase).query["id"]) == ("DELETE", f"eq.{GID}")


async def test_all_rows_of_the_user_are_struck_off_at_once(supabase, connections):
    supabase.faults[PLACE] = answering(204)

    await connections.clear("t")

    assert (sent(supabase).method, sent(supabase).query["id"]) == ("DELETE", "not.is.null")


async def test_the_list_has_times_in_seconds_and_hosts_that_may_be_missing(supabase, connections):
    rows = [ROW, {**ROW, "client_host": None}]
    supabase.faults[PLACE] = answering(200, json.dumps(rows).encode())

    first, second = await connections.list("t")

    assert (first.id, first.client_id) == (GID, CONNECTION.client_id)
    assert (first.created_at, first.last_used_at) == (1795401267, 1795404867)
    assert second.client_host is None
    assert sent(supabase).query["order"] == "last_used_at.desc,id"


@pytest.mark.parametrize("name", ROW)
@pytest.mark.parametrize("value", [7, [], "not a time"])
async def test_a_row_that_is_none_is_wrong(supabase, connections, name, value):
    if value == "not a time" and not name.endswith("_at"):
        value = {}
    supabase.faults[PLACE] = answering(200, json.dumps([{**ROW, name: value}]).encode())

    with pytest.raises(SupabaseError) as caught:
        await connections.list("t")

    assert caught.value.kind == "wrong"


@pytest.mark.parametrize("body", [b"{}", b"[null]", b"[[]]", b"[{}]", b'["x"]'])
async def test_an_answer_that_is_no_list_of_rows_is_wrong(supabase, connections, body):
    supabase.faults[PLACE] = answering(200, body)

    with pytest.raises(SupabaseError) as caught:
        await connections.list("t")

    assert caught.value.kind == "wrong"


def calls(connections):
    return (
        connections.record(CONNECTION, "t"),
        connections.touch(GID, "t"),
        connections.list("t"),
        connections.remove(GID, "t"),
        connections.clear("t"),
    )


@pytest.mark.parametrize("code", ["PGRST205", "42P01"])
async def test_a_project_without_the_table_is_told_what_is_missing(supabase, connections, code):
    async def refuse(_request):
        return refusal(404, code)

    supabase.faults[PLACE] = refuse
    for call in calls(connections):
        with pytest.raises(TableMissing, match="apply the migrations"):
            await call


async def test_a_token_that_ended_is_its_callers_matter(supabase, connections):
    supabase.faults[PLACE] = answering(401, b'{"code":"PGRST303","message":"JWT expired"}')
    for call in calls(connections):
        with pytest.raises(CallerExpired):
            await call


async def test_a_full_list_is_refused_as_such(supabase, connections):
    supabase.faults[PLACE] = answering(400, b'{"code":"23514","message":"too many"}')

    with pytest.raises(SupabaseError) as caught:
        await connections.record(CONNECTION, "t")

    assert (caught.value.kind, caught.value.code) == ("refused", "23514")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [pytest.param(*row, id=name) for name, row in FAULTS.items() if name != "list"],
)
async def test_no_fault_upstream_passes_for_an_empty_list(supabase, connections, fault, kind):
    supabase.faults[PLACE] = fault

    with pytest.raises(SupabaseError) as caught:
        await connections.list("t")

    assert caught.value.kind == kind


@pytest.mark.parametrize("client_id", ["eyJ.a.b", "http://client.example", "\ud800"])
def test_a_registered_client_is_listed_by_a_short_hash(client_id):
    key = client_key(client_id)

    assert key.startswith("registered:")
    assert len(key) == len("registered:") + 12
    assert key == client_key(client_id)
    assert key != client_key(client_id + "x")


def test_a_client_with_an_address_is_listed_by_it():
    assert client_key("https://client.example/metadata") == "https://client.example/metadata"
