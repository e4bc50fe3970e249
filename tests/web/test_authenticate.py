import pytest
from multidict import CIMultiDict
from supabase_double import FAULTS, answering
from web_double import assert_problem

USER = "/auth/v1/user"
MCP = "/api/mcp"
DOORS = [
    *((method, MCP) for method in ("POST", "GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")),
    ("POST", "/api/mcp/tools/call"),
    ("POST", "/auth/logout"),
]
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.mark.requirement("auth-401")
@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_without_a_token_every_door_says_where_to_sign_in(web, method, path):
    answer = await web.ask(method, path)

    assert answer.status == 401
    assert answer.headers.getall("WWW-Authenticate") == [web.challenge]
    if method != "HEAD":
        assert_problem(answer, 401, "unauthenticated")


@pytest.mark.requirement("auth-401")
@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_a_bad_token_is_called_one_at_every_door(supabase, web, method, path):
    answer = await web.ask(method, path, token=supabase.token(exp=1))

    assert answer.status == 401
    (challenge,) = answer.headers.getall("WWW-Authenticate")
    assert challenge.startswith(web.challenge)
    assert 'error="invalid_token"' in challenge
    assert "expired" in challenge
    if method != "HEAD":
        assert_problem(answer, 401, "invalid_token")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"jsonrpc":"2.0"}'])
async def test_who_calls_comes_before_what_is_asked(web, body):
    headers = {"Content-Type": "application/json"}

    assert (await web.ask("POST", MCP, data=body, headers=headers)).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
async def test_a_good_token_gets_in(supabase, web, scheme):
    headers = {"Authorization": f"{scheme} {supabase.token()}"}

    answer = await web.call("whoami", headers=headers)

    assert answer.told["structuredContent"]["user_id"] == supabase.user_id


@pytest.mark.parametrize("value", ["Basic dTpw", "Bearer", "Bearer ", "", "Token x", "\xff"])
async def test_a_header_without_a_bearer_token_is_no_token(web, value):
    answer = await web.call("whoami", headers={"Authorization": value})

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == web.challenge


async def test_two_headers_are_refused_even_with_one_good_token(supabase, web):
    token = f"Bearer {supabase.token()}"
    for pair in ((token, "Bearer x"), ("Bearer x", token), (token, token)):
        headers = CIMultiDict([("Authorization", value) for value in pair])
        answer = await web.client.post(
            "/api/mcp/tools/call", json={"tool": "whoami"}, headers=headers
        )
        assert answer.status == 401


@pytest.mark.requirement("auth-header-only")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_token_anywhere_else_does_not_count(supabase, web, method):
    token = supabase.token()
    answer = await web.ask(
        method,
        f"{MCP}?access_token={token}&token={token}",
        headers={
            "Cookie": f"access_token={token}; sb-access-token={token}",
            "X-Authorization": f"Bearer {token}",
            "Proxy-Authorization": f"Bearer {token}",
            "X-Forwarded-Authorization": f"Bearer {token}",
            "apikey": token,
        },
    )

    assert_problem(answer, 401, "unauthenticated")


async def test_an_argument_is_looked_at_only_where_no_header_came(supabase, web):
    good, other = supabase.token(), supabase.token(iat=5)

    by_argument = await web.call("whoami", auth_token=good)
    assert by_argument.told["structuredContent"]["user_id"] == supabase.user_id

    both = await web.call("whoami", token=good, auth_token=other)
    assert both.status == 401
    bad_header = await web.call("whoami", token="x", auth_token=good)
    assert bad_header.status == 401
    basic = await web.call("whoami", headers={"Authorization": "Basic x"}, auth_token=good)
    assert basic.status == 401


@pytest.mark.parametrize("mode", ["simple", "bearer"])
@pytest.mark.parametrize("name", FAULTS)
async def test_when_nobody_can_tell_it_is_neither_a_401_nor_let_in(supabase, make_web, mode, name):
    web = await make_web(ATOMS_FASTMCP_AUTH_MODE=mode)
    fault, kind = FAULTS[name]
    supabase.faults[USER] = fault

    answer = await web.call("whoami", token=supabase.token())

    status, error = {
        "wrong": (502, "supabase_wrong"),
        "down": (503, "supabase_down"),
        "slow": (504, "supabase_slow"),
        "busy": (503, "supabase_busy"),
    }[kind]
    assert_problem(answer, status, error)
    assert "WWW-Authenticate" not in answer.headers
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_token_that_ends_on_the_way_is_a_401_and_is_forgotten(supabase, web):
    token = supabase.token()
    await web.call("whoami", token=token)
    supabase.faults["/rest/v1/items"] = answering(
        401, b'{"code":"PGRST303","message":"JWT expired"}'
    )

    answer = await web.call("rows", token=token)

    assert_problem(answer, 401, "invalid_token")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert web.verifier.get_remembered(token) is None


async def test_a_session_that_was_revoked_is_out_after_its_window(supabase, web, clock):
    token = supabase.token()
    await web.call("whoami", token=token)
    supabase.ended.add("session-1")
    assert (await web.call("whoami", token=token)).status == 200

    clock.now += 15
    assert_problem(await web.call("whoami", token=token), 401, "invalid_token")


async def test_methods_that_the_endpoint_does_not_have_are_refused_after_that(supabase, web):
    for method in ("PUT", "PATCH", "OPTIONS"):
        answer = await web.ask(method, MCP, token=supabase.token())
        assert_problem(answer, 405, "method_not_allowed")
        assert "POST" in answer.headers["Allow"]
