import asyncio
import json
import socket

import pytest
from supabase_double import ANON_KEY, FAULTS, answering, half, reset

from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import UPSTREAM_S, Wire, WireAnswer, read_error

HEALTH = "/auth/v1/health"


@pytest.fixture
async def wire(supabase):
    wire = Wire(supabase.settings())
    yield wire
    await wire.close()


async def test_every_call_carries_the_api_key(supabase, wire):
    answer = await wire.get("auth", HEALTH, {"X-More": "1"})

    assert answer.status == 200
    assert answer.parse() == {"name": "GoTrue"}
    assert supabase.seen[0].headers["apikey"] == ANON_KEY
    assert supabase.seen[0].headers["X-More"] == "1"


async def test_a_body_is_sent_as_json(supabase, wire):
    await wire.send("data", "POST", "/rest/v1/items", {"a": "ü"})

    assert await supabase.seen[0].json() == {"a": "ü"}
    assert supabase.seen[0].content_type == "application/json"


async def test_a_target_is_encoded_exactly_once(supabase, wire):
    await wire.get("data", "/rest/v1/items?name=eq.a%2Bb%2525%26c")

    assert supabase.seen[0].query["name"] == "eq.a+b%25&c"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [pytest.param(*row, id=name) for name, row in FAULTS.items() if name not in {"null", "list"}],
)
async def test_whatever_is_wrong_upstream_has_its_kind(supabase, wire, fault, kind):
    supabase.faults[HEALTH] = fault

    with pytest.raises(SupabaseError) as caught:
        (await wire.get("auth", HEALTH)).parse()

    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(reset, id="reset"),
        pytest.param(answering(503, b"{}"), id="503"),
        pytest.param(answering(429, b"{}"), id="429"),
        pytest.param(answering(520, b"{}"), id="520"),
    ],
)
async def test_a_read_is_tried_three_times_in_all(supabase, wire, fault):
    # On a connection that was kept, too: there the HTTP client would like a try of its own.
    await wire.get("auth", HEALTH)
    supabase.seen.clear()
    supabase.faults[HEALTH] = fault

    with pytest.raises(SupabaseError):
        await wire.get("auth", HEALTH)

    assert supabase.count(HEALTH) == 3


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(answering(500, b'{"code":"57014"}'), id="a-statement-timeout"),
        pytest.param(answering(400, b'{"code":"22P02"}'), id="a-refusal"),
        pytest.param(answering(200, b"garbage"), id="garbage"),
        pytest.param(half, id="half"),
    ],
)
async def test_a_read_that_would_only_fail_again_is_not_repeated(supabase, wire, fault):
    supabase.faults[HEALTH] = fault

    with pytest.raises(SupabaseError):
        (await wire.get("auth", HEALTH)).parse()

    assert supabase.count(HEALTH) == 1


async def test_a_read_gets_over_one_bad_moment(supabase, wire):
    async def once(request):
        supabase.faults.clear()
        return await reset(request)

    supabase.faults[HEALTH] = once

    assert (await wire.get("auth", HEALTH)).status == 200


@pytest.mark.parametrize("fault", [reset, answering(503, b"{}"), half])
async def test_a_write_is_tried_once(supabase, wire, fault):
    await wire.get("data", "/rest/v1/items")
    supabase.faults["/rest/v1/items"] = fault
    supabase.seen.clear()

    with pytest.raises(SupabaseError):
        await wire.send("data", "POST", "/rest/v1/items", {})

    assert supabase.count("/rest/v1/items") == 1


async def test_a_redirect_is_not_followed(supabase, wire):
    supabase.faults[HEALTH] = answering(307, b"", Location=f"{supabase.url}/auth/v1/settings")

    with pytest.raises(SupabaseError):
        await wire.get("auth", HEALTH)

    assert supabase.count("/auth/v1/settings") == 0


async def test_no_cookie_is_kept(supabase, wire):
    supabase.faults[HEALTH] = answering(200, b"{}", Set_Cookie="user=ada")
    await wire.get("auth", HEALTH)
    await wire.get("auth", HEALTH)

    assert "Cookie" not in supabase.seen[1].headers


async def test_an_upstream_that_says_nothing_is_slow(supabase):
    wire = Wire(supabase.settings(ATOMS_UPSTREAM_TOTAL_S="0.05"))
    supabase.faults[HEALTH] = supabase.hang

    with pytest.raises(SupabaseError) as caught:
        await wire.get("auth", HEALTH)

    assert caught.value.kind == "slow"
    await wire.close()


async def test_an_upstream_that_never_stops_is_slow(supabase):
    async def endless(request):
        from aiohttp import web  # noqa: PLC0415 - near its use

        response = web.StreamResponse()
        await response.prepare(request)
        while not supabase.released.is_set():
            await response.write(b" ")
            await asyncio.sleep(0)
        return response

    wire = Wire(supabase.settings(ATOMS_UPSTREAM_TOTAL_S="0.1"))
    supabase.faults[HEALTH] = endless

    with pytest.raises(SupabaseError) as caught:
        await wire.get("auth", HEALTH)

    assert caught.value.kind == "slow"
    await wire.close()


async def test_an_answer_beyond_the_limit_is_refused(wire, monkeypatch):
    monkeypatch.setattr("atoms_mcp.supabase.wire.MAX_ANSWER_BYTES", 3)

    with pytest.raises(SupabaseError) as caught:
        await wire.get("auth", HEALTH)

    assert caught.value.kind == "wrong"


async def test_a_closed_port_is_down(supabase):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = supabase.settings().model_copy(update={"supabase_url": f"http://127.0.0.1:{port}"})
    wire = Wire(settings)

    with pytest.raises(SupabaseError) as caught:
        await wire.get("auth", HEALTH)

    assert caught.value.kind == "down"
    await wire.close()


async def test_time_spent_upstream_is_added_up_for_the_request(wire):
    spent_s = [0.0]
    UPSTREAM_S.set(spent_s)

    await wire.get("auth", HEALTH)
    once_s = spent_s[0]
    await wire.get("data", "/rest/v1/items")

    assert 0 < once_s < spent_s[0]


async def test_a_closed_wire_stays_closed_for_what_is_still_under_way(supabase, wire):
    has_come = asyncio.Event()

    async def hang(request):
        has_come.set()
        return await supabase.hang(request)

    supabase.faults[HEALTH] = hang
    waiting = asyncio.ensure_future(wire.get("auth", HEALTH))
    async with asyncio.timeout(5):
        await has_come.wait()
        await wire.close()

        with pytest.raises(SupabaseError) as caught:
            await waiting

    assert caught.value.kind == "down"
    assert supabase.count(HEALTH) == 1


async def test_sign_in_does_not_wait_for_slow_queries(supabase, wire, monkeypatch):
    monkeypatch.setattr("atoms_mcp.supabase.wire.POOL_LIMIT", 2)
    supabase.faults["/rest/v1/items"] = supabase.hang
    queries = [asyncio.ensure_future(wire.get("data", "/rest/v1/items")) for _ in range(4)]
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        assert (await wire.get("auth", HEALTH)).status == 200

    for query in queries:
        query.cancel()
    await asyncio.gather(*queries, return_exceptions=True)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(b'{"code":"a","message":"m"}', "a", "m", id="auth-new"),
        pytest.param(b'{"code":400,"error_code":"a","msg":"m"}', "a", "m", id="auth-old"),
        pytest.param(b'{"error":"a","error_description":"m"}', "a", "m", id="oauth"),
        pytest.param(b'{"message":"m","hint":"h"}', None, "m", id="gateway"),
        pytest.param(b"<html>", None, "no reason given", id="html"),
        pytest.param(b'["a"]', None, "no reason given", id="list"),
        pytest.param(b'{"code":{},"message":[]}', None, "no reason given", id="odd-types"),
    ],
)
def test_all_error_bodies_are_read(body, code, message):
    error = read_error(WireAnswer(400, {}, body))

    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"message":"Invalid API key"}', "wrong"),
        (b'{"message":"Invalid authentication credentials"}', "wrong"),
        (b'{"code":"bad_jwt","message":"m"}', "refused"),
        (b'{"code":401,"msg":"m"}', "refused"),
    ],
)
def test_a_refusal_of_the_projects_key_is_no_refusal_of_a_request(status, body, kind):
    assert read_error(WireAnswer(status, {}, body)).kind == kind


def test_the_parts_of_a_rest_error_are_kept():
    body = b'{"code":"42501","message":"m","details":"d","hint":"h"}'
    error = read_error(WireAnswer(403, {}, body))

    assert (error.kind, error.status, error.details, error.hint) == ("refused", 403, "d", "h")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        ("99999999", 300),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("-1", None),
        ("²", None),
    ],
)
def test_only_a_wait_in_seconds_is_taken_over(value, expected):
    error = read_error(WireAnswer(429, {"Retry-After": value}, b"{}"))

    assert error.retry_after_s == expected


async def test_what_is_no_fault_of_the_wire_is_raised_as_it_is(wire, monkeypatch):
    async def broken(*_args):
        raise LookupError

    monkeypatch.setattr(wire, "_once", broken)

    with pytest.raises(LookupError):
        await wire.get("auth", HEALTH)


@pytest.mark.parametrize(
    ("weak", "reasons"),
    [
        ({"reasons": ["length", 7, "pwned"]}, ("length", "pwned")),
        ({"reasons": "length"}, ()),
        ([], ()),
        (None, ()),
    ],
)
def test_the_reasons_for_a_weak_password_are_read(weak, reasons):
    body = json.dumps({"code": "weak_password", "message": "no", "weak_password": weak})

    assert read_error(WireAnswer(422, {}, body.encode())).reasons == reasons
