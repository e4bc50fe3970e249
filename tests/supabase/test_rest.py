import pytest
from supabase_double import FAULTS, answering

from atoms_mcp.entities.rest import RestRequest
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError
from atoms_mcp.supabase.rest import Rest
from atoms_mcp.supabase.wire import Wire

ITEMS = "/rest/v1/items"


@pytest.fixture
async def rest(supabase):
    wire = Wire(supabase.settings())
    yield Rest(wire)
    await wire.close()


async def test_a_read_goes_out_as_its_caller(supabase, rest):
    query = (("select", "id,project:projects(name)"), ("name", 'eq.a,b(c)."d"&e=f+g%'))

    answer = await rest.send(RestRequest("GET", "items", query, prefer=("count=exact",)), "jwt")

    assert answer.data == [{"id": 1}]
    assert answer.total == 573
    sent = supabase.seen[0]
    assert sent.headers["Authorization"] == "Bearer jwt"
    assert sent.headers["Prefer"] == "count=exact"
    assert sent.headers["Accept"] == "application/json"
    assert tuple(sent.query.items()) == query


async def test_one_object_can_be_asked_for(supabase, rest):
    await rest.send(RestRequest("GET", "items", is_single=True), "jwt")

    assert supabase.seen[0].headers["Accept"] == "application/vnd.pgrst.object+json"


async def test_a_write_carries_its_body(supabase, rest):
    prefer = ("return=representation", "handling=strict")
    await rest.send(
        RestRequest("POST", "rpc/create_project", body={"p_name": "x"}, prefer=prefer), "j"
    )

    sent = supabase.seen[0]
    assert sent.path == "/rest/v1/rpc/create_project"
    assert await sent.json() == {"p_name": "x"}
    assert sent.headers["Prefer"] == "return=representation, handling=strict"


@pytest.mark.parametrize("status", [201, 204])
async def test_nothing_may_come_back_from_a_write(supabase, rest, status):
    supabase.faults[ITEMS] = answering(status)

    assert (await rest.send(RestRequest("POST", "items", body={}), "jwt")).data is None


@pytest.mark.parametrize(
    ("header", "total"), [("0-9/*", None), ("*/0", 0), ("", None), ("x", None)]
)
async def test_a_total_is_known_only_where_it_was_counted(supabase, rest, header, total):
    supabase.faults[ITEMS] = answering(200, b"[]", Content_Range=header)

    assert (await rest.send(RestRequest("GET", "items"), "jwt")).total == total


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("query", [(), (("select", "id"), ("limit", "1"), ("columns", "a"))])
async def test_a_change_of_all_rows_is_refused(supabase, rest, method, query):
    with pytest.raises(ValueError, match="without a filter"):
        await rest.send(RestRequest(method, "items", query, body={}), "jwt")

    assert supabase.seen == []


@pytest.mark.parametrize("query", [(("id", "eq.1"),), (("or", "(a.eq.1)"), ("limit", "1"))])
async def test_a_change_of_named_rows_goes_out(supabase, rest, query):
    await rest.send(RestRequest("PATCH", "items", query, body={}), "jwt")

    assert supabase.count(ITEMS) == 1


@pytest.mark.parametrize(
    "path", ["../auth/v1/user", "items/../x", "items?x=1", "", "Items", "rpc/", "a%2fb", "items\n"]
)
async def test_a_path_that_is_no_name_is_refused(supabase, rest, path):
    with pytest.raises(ValueError, match="not the path"):
        await rest.send(RestRequest("GET", path), "jwt")

    assert supabase.seen == []


@pytest.mark.parametrize("code", ["PGRST301", "PGRST303"])
async def test_a_token_that_ended_is_told_apart(supabase, rest, code):
    supabase.faults[ITEMS] = answering(
        401, b'{"code":"%b","message":"JWT expired"}' % code.encode()
    )

    with pytest.raises(CallerExpired) as caught:
        await rest.send(RestRequest("GET", "items"), "jwt")

    assert caught.value.code == code


@pytest.mark.parametrize("body", [b'{"message":"Invalid API key"}', b'{"code":"PGRST302"}'])
async def test_a_wrong_api_key_is_no_fault_of_the_caller(supabase, rest, body):
    supabase.faults[ITEMS] = answering(401, body)

    with pytest.raises(SupabaseError) as caught:
        await rest.send(RestRequest("GET", "items"), "jwt")

    assert caught.value.kind == "wrong"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_of_the_database_keeps_its_code(supabase, rest, status):
    supabase.faults[ITEMS] = answering(status, b'{"code":"42501","message":"no","hint":"h"}')

    with pytest.raises(SupabaseError) as caught:
        await rest.send(RestRequest("GET", "items"), "jwt")

    assert (caught.value.kind, caught.value.code, caught.value.hint) == ("refused", "42501", "h")


async def test_an_ambiguous_embedding_is_a_refusal(supabase, rest):
    supabase.faults[ITEMS] = answering(300, b'{"code":"PGRST201","message":"no"}')

    with pytest.raises(SupabaseError) as caught:
        await rest.send(RestRequest("GET", "items"), "jwt")

    assert caught.value.kind == "refused"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [pytest.param(*row, id=name) for name, row in FAULTS.items() if name not in {"null", "list"}],
)
async def test_no_fault_upstream_passes_for_an_empty_answer(supabase, rest, method, fault, kind):
    supabase.faults[ITEMS] = fault

    with pytest.raises(SupabaseError) as caught:
        await rest.send(RestRequest(method, "items", body={} if method == "POST" else None), "jwt")

    assert caught.value.kind == kind
