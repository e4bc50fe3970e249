"""The cookie of a sign-in: who it names, how it is set, and when it goes."""

from types import SimpleNamespace

import pytest
from aiohttp import web as aiohttp_web
from supabase_double import answering
from visit_double import let_in

from atoms_mcp.identity.chains import SessionOver
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.web import keys
from atoms_mcp.web.visitor import (
    COOKIE_NAME,
    drop_cookie,
    find_session,
    get_visitor,
    see_off,
    sign_in_again,
    welcome,
)


@pytest.fixture
async def request_of(web):
    """Give what a handler sees of a request with this cookie."""

    class Request(dict):
        app = web.app

    def make(cookie=None, base_url="http://127.0.0.1", name="atoms_session"):
        made = Request()
        made.cookies = {} if cookie is None else {name: cookie}
        made[keys.EXCHANGE] = SimpleNamespace(facts={}, site=SimpleNamespace(base_url=base_url))
        return made

    return make


@pytest.fixture
async def cookie(signed_in):
    return signed_in.cookies["atoms_session"]


async def test_the_cookie_names_who_signed_in(supabase, request_of, cookie):
    request = request_of(cookie)

    visitor = get_visitor(request)

    assert (visitor.user_id, visitor.email) == (supabase.user_id, supabase.email)
    assert request[keys.EXCHANGE].facts == {"user_id": supabase.user_id}


@pytest.mark.parametrize("cookie_", [None, "", "x", "a.b.c.d.e"])
async def test_without_a_cookie_of_ours_nobody_signed_in(request_of, cookie_):
    assert get_visitor(request_of(cookie_)) is None


async def test_an_old_cookie_names_nobody(clock, request_of, cookie):
    clock.now += 12 * 3600

    assert get_visitor(request_of(cookie)) is None


async def test_on_https_only_the_guarded_name_counts(request_of, cookie):
    base_url = "https://mcp.example.com"

    assert get_visitor(request_of(cookie, base_url)) is None
    assert get_visitor(request_of(cookie, base_url, "__Host-atoms_session")) is not None


async def test_a_session_is_given_while_supabase_knows_it(supabase, request_of, cookie):
    request = request_of(cookie)

    session = await find_session(request, get_visitor(request))

    assert session.user.email == supabase.email


async def test_a_session_that_supabase_ended_is_over(supabase, request_of, cookie):
    request = request_of(cookie)
    supabase.ended.add("session-1")

    with pytest.raises(SessionOver):
        await find_session(request, get_visitor(request))


@pytest.mark.parametrize(("status", "kind"), [(503, "down"), (429, "busy"), (422, "refused")])
async def test_what_supabase_does_not_say_ends_no_session(
    supabase, request_of, cookie, status, kind
):
    request = request_of(cookie)
    supabase.faults["/auth/v1/user"] = answering(status, b'{"code":"x","message":"no"}')

    with pytest.raises(SupabaseError) as caught:
        await find_session(request, get_visitor(request))
    assert caught.value.kind == kind


async def test_who_signs_in_gets_a_cookie_that_scripts_and_others_cannot_reach(web, request_of):
    session = await web.auth.sign_in("ada@acme.example", "correct-horse-demo")
    plain, secure = aiohttp_web.Response(), aiohttp_web.Response()

    visitor = await welcome(request_of(), plain, session)
    await welcome(request_of(base_url="https://mcp.example.com"), secure, session)

    assert visitor.email == "ada@acme.example"
    said = plain.cookies["atoms_session"].OutputString()
    for flag in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"):
        assert flag in said
    assert "Secure" not in said
    assert "Domain" not in said
    assert "Secure" in secure.cookies["__Host-atoms_session"].OutputString()


@pytest.mark.parametrize("is_down", [True, False])
async def test_who_is_seen_off_is_signed_out_whatever_supabase_does(
    supabase, request_of, cookie, is_down
):
    if is_down:
        supabase.faults["/auth/v1/logout"] = answering(503, b"{}")
    request, response = request_of(cookie), aiohttp_web.Response()

    await see_off(request, response, get_visitor(request))

    assert response.cookies["atoms_session"]["max-age"] == "0"
    with pytest.raises(SessionOver):
        await find_session(request, get_visitor(request))
    assert ("error_code" in request[keys.EXCHANGE].facts) is is_down


async def test_a_session_that_is_over_begins_anew_without_its_cookie(request_of, cookie):
    response = sign_in_again(request_of(cookie), "/account")

    assert response.status == 303
    assert response.headers["Location"] == "/account"
    assert response.cookies["atoms_session"]["max-age"] == "0"


async def test_dropping_takes_the_guarded_cookie_on_https(request_of):
    response = aiohttp_web.Response()

    drop_cookie(request_of(base_url="https://mcp.example.com"), response)

    assert response.cookies["__Host-atoms_session"]["secure"]


async def test_two_people_have_two_sessions(request_of, visit):
    await let_in(visit, "bob@umbrella.example", session_id="session-2")

    visitor = get_visitor(request_of(visit.cookies["atoms_session"]))

    assert (visitor.email, visitor.sid) == ("bob@umbrella.example", "session-2")


async def test_a_server_may_have_a_cookie_of_its_own_for_who_signed_in(web, request_of, cookie):
    def of_command(name):
        request = request_of(cookie, name=name)
        request.app = {keys.BROWSERS: web.app[keys.BROWSERS], COOKIE_NAME: "atoms_command"}
        return request

    assert get_visitor(of_command("atoms_command")) is not None
    assert get_visitor(of_command("atoms_session")) is None
    response = aiohttp_web.Response()
    drop_cookie(of_command("atoms_command"), response)
    assert list(response.cookies) == ["atoms_command"]
