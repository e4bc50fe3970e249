import pytest
from engine_double import ALL, LEGACY, MODERN, Bench, Pipe, fault, modern, told
from offer_double import OFFER, read_static

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import Resource
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError


@pytest.fixture
def bench():
    return Bench(OFFER)


async def read(bench, uri, revision=MODERN, **params):
    return await bench.ask(revision, "resources/read", {"uri": uri, **params})


@pytest.mark.requirement("res-read")
@pytest.mark.parametrize("revision", ALL)
async def test_a_resource_is_read_by_its_uri(bench, revision):
    result = told(await read(bench, "test://static", revision))["result"]

    assert result["contents"] == [
        {"uri": "test://static", "mimeType": "text/plain", "text": "hello"}
    ]
    if revision == MODERN:
        assert (result["ttlMs"], result["cacheScope"]) == (60000, "public")


@pytest.mark.parametrize("revision", ALL)
async def test_a_resource_is_read_by_the_template_it_fits_as_the_caller(bench, revision):
    result = told(await read(bench, "test://acme/V%2FEH", revision))["result"]

    assert result["contents"][0]["text"] == "acme/V/EH for id-ada"
    if revision == MODERN:
        assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


@pytest.mark.requirement("res-missing", "res-missing-before", "res-not-empty", "base-older-codes")
@pytest.mark.parametrize(
    "uri", ["test://acme/gone", "test://acme/empty", "test://a/b/c", "no-uri", "", "test://"]
)
@pytest.mark.parametrize("revision", ALL)
async def test_a_uri_of_nothing_is_an_error_that_names_it(bench, uri, revision):
    expected = (400, 1, -32602) if revision == MODERN else (200, 1, -32002)

    assert fault(await read(bench, uri, revision)) == (*expected, {"uri": uri})


@pytest.mark.requirement("res-uris")
@pytest.mark.parametrize("params", [{}, {"uri": 5}, {"uri": None}, {"uri": "test://" + "x" * 2048}])
async def test_a_read_needs_a_uri(bench, params):
    assert fault(await bench.ask(MODERN, "resources/read", params)) == (400, 1, -32602)


@pytest.mark.parametrize("revision", LEGACY)
async def test_what_the_caller_can_mend_is_an_error_with_its_fix(bench, revision):
    status, call_id, code, data = fault(await read(bench, "test://acme/bad", revision))

    assert (status, call_id, code) == (200, 1, -32602)
    assert data == {"code": "invalid_argument", "fix": "Give another."}


@pytest.mark.requirement("res-internal")
@pytest.mark.parametrize(
    ("error", "code"),
    [(SupabaseError("down", "x"), -32603), (RuntimeError("a detail"), -32603)],
)
async def test_what_goes_wrong_behind_it_is_internal(error, code):
    async def break_down(_context):
        raise error

    bench = Bench(Offer(resources=(Resource("a://b", "b", break_down),)))
    reply = await read(bench, "a://b")

    assert fault(reply)[:3] == (200, 1, code)
    assert b"a detail" not in reply.body


async def test_a_token_that_expires_on_the_way_is_a_challenge():
    async def expire(_context):
        raise CallerExpired("PGRST303")

    bench = Bench(Offer(resources=(Resource("a://b", "b", expire),)))

    with pytest.raises(CallerExpired):
        await read(bench, "a://b")


async def test_a_missing_login_is_an_error_where_there_are_no_challenges(bench):
    message, _ = modern("resources/read", {"uri": "test://static"})

    status, call_id, code, data = fault(await Pipe(bench, who=None).send(message))

    assert (status, call_id, code, data["code"]) == (200, 1, -32603, "unauthenticated")


async def test_an_answer_to_a_question_is_for_nobody_else(bench):
    def declare(message):
        meta = message["params"]["_meta"]
        meta["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {}}
        return message

    message, headers = modern("resources/read", {"uri": "test://acme/ask"})
    asked = told(await bench.send(declare(message), headers=headers))["result"]
    assert asked["resultType"] == "input_required"
    assert not asked.keys() & {"ttlMs", "cacheScope", "contents"}

    message["params"] |= {
        "requestState": asked["requestState"],
        "inputResponses": {"sure": {"action": "accept", "content": {"sure": True}}},
    }
    result = told(await bench.send(message, headers=headers))["result"]

    assert result["resultType"] == "complete"
    assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


async def test_what_was_read_with_answers_to_no_question_is_kept_by_nobody_either(bench):
    result = told(await read(bench, "test://static", inputResponses={}))["result"]

    assert (result["ttlMs"], result["cacheScope"]) == (0, "private")


def test_a_uri_is_given_once():
    twice = (Resource("a://b", "b", read_static),) * 2

    with pytest.raises(ValueError, match="same URI"):
        Bench(Offer(resources=twice))
