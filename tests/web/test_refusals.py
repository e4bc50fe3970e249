import pytest
from aiohttp import web as aiohttp_web

from atoms_mcp.identity.credentials import Malformed
from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated
from atoms_mcp.identity.quota import TooOften
from atoms_mcp.identity.sign_in import SignInRefused
from atoms_mcp.identity.verify import InvalidToken
from atoms_mcp.settings import ServerSettings, load
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError
from atoms_mcp.web.problem import Problem
from atoms_mcp.web.refusals import to_problem
from atoms_mcp.web.site import Sites


@pytest.fixture(scope="module")
def site():
    environ = {"SUPABASE_URL": "https://abc.supabase.co", "SUPABASE_ANON_KEY": "sb_publishable_x"}
    return Sites(load(ServerSettings, environ), 8000).canonical


@pytest.mark.parametrize(
    ("exc", "status", "error"),
    [
        (Problem(418, "teapot", "m", "h"), 418, "teapot"),
        (Unauthenticated(), 401, "unauthenticated"),
        (Unauthenticated("expired"), 401, "invalid_token"),
        (InvalidToken("expired"), 401, "invalid_token"),
        (CallerExpired("PGRST303"), 401, "invalid_token"),
        (InsufficientScope("atoms:write"), 403, "insufficient_scope"),
        (SupabaseError("refused", "m"), 502, "supabase_wrong"),
        (SupabaseError("wrong", "m"), 502, "supabase_wrong"),
        (SupabaseError("down", "m"), 503, "supabase_down"),
        (SupabaseError("busy", "m"), 503, "supabase_busy"),
        (SupabaseError("slow", "m"), 504, "supabase_slow"),
        (SignInRefused(403, "user_banned", "m", "h"), 403, "user_banned"),
        (StoreDown("gone"), 503, "store_down"),
        (TooOften(7), 429, "too_often"),
        (Malformed("email", "email is missing"), 400, "malformed"),
        (aiohttp_web.HTTPNotFound(), 404, "not_found"),
        (aiohttp_web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed"),
        (aiohttp_web.HTTPRequestEntityTooLarge(1, 2), 413, "body_too_large"),
        (aiohttp_web.HTTPForbidden(text="x"), 403, "refused"),
        (aiohttp_web.HTTPConflict(), 409, "refused"),
        (aiohttp_web.RequestPayloadError(), 400, "malformed"),
        (LookupError("an internal detail"), 500, "internal_error"),
        (AssertionError(), 500, "internal_error"),
    ],
)
def test_every_error_has_its_answer(site, exc, status, error):
    problem = to_problem(exc, site, "r1")

    assert (problem.status, problem.error) == (status, error)
    assert problem.message.endswith((".", "m"))


def test_an_unknown_error_tells_the_request_id_and_nothing_else(site):
    problem = to_problem(LookupError("an internal detail"), site, "r1")

    assert "r1" in problem.message
    assert "detail" not in problem.message + problem.hint


def test_words_of_upstream_are_not_passed_on(site):
    exc = SupabaseError("wrong", "row (secret)", details="secret", hint="secret")
    problem = to_problem(exc, site, "r1")

    assert "secret" not in problem.message + problem.hint


@pytest.mark.parametrize(("given", "told"), [(7, "7"), (None, "5")])
def test_who_has_to_wait_is_told_how_long(site, given, told):
    problem = to_problem(SupabaseError("busy", "m", retry_after_s=given), site, "r1")

    assert problem.headers["Retry-After"] == told


def test_what_is_allowed_is_kept(site):
    problem = to_problem(aiohttp_web.HTTPMethodNotAllowed("PUT", ["GET"]), site, "r1")

    assert problem.headers == {"Allow": "GET"}


def test_a_missing_scope_is_challenged_for(site):
    problem = to_problem(InsufficientScope("atoms:write"), site, "r1")

    assert 'error="insufficient_scope"' in problem.headers["WWW-Authenticate"]
    assert "atoms:write" in problem.message
