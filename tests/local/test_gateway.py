import asyncio
import os
import signal

import asyncpg
import pytest
from aiohttp import web
from auth_world import ANON_KEY, PASSWORD
from structlog.testing import capture_logs

from atoms_mcp.local.gateway import boundary
from atoms_mcp.local.postgres.cluster import Postgres, find_bin_dir
from atoms_mcp.local.postgres.database import lay_roles
from atoms_mcp.local.tokens import sign_access_token

USER = "6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11"
NEW_SHAPE = {"X-Supabase-Api-Version": "2024-01-01"}


@pytest.fixture
async def gateway(make_gateway):
    return await make_gateway()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/auth/v1/user", "/auth/v1/health", "/rest/v1/t", "/nowhere"])
@pytest.mark.parametrize(
    ("key", "code", "message"),
    [
        ("", "UNAUTHORIZED_MISSING_API_KEY", "No API key found in request"),
        ("sb_publishable_other", "UNAUTHORIZED_INVALID_API_KEY", "Invalid API key"),
    ],
)
async def test_without_the_key_of_the_project_nothing_is_answered(
    gateway, path, key, code, message
):
    answer = await gateway.get(path, headers={"apikey": key})

    told = await answer.json()
    assert answer.status == 401
    assert (told["message"], set(told)) == (message, {"message", "hint"})
    assert answer.headers["sb-error-code"] == code


async def test_the_key_may_stand_in_the_query(gateway):
    answer = await gateway.get(
        f"/rest/v1/t?a=eq.%2B1&apikey={ANON_KEY}&b=is.null", headers={"apikey": ""}
    )

    assert answer.status == 200
    assert (await answer.json())["query"] == "a=eq.%2B1&b=is.null"


@pytest.mark.parametrize(
    "path", ["/auth/v1/.well-known/jwks.json", "/.well-known/oauth-authorization-server/auth/v1"]
)
async def test_open_paths_need_no_key(gateway, path):
    assert (await gateway.get(path, headers={"apikey": ""})).status in {200, 404}


@pytest.mark.parametrize(
    "headers",
    [{}, bearer(ANON_KEY), {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}],
)
async def test_without_a_user_rest_is_asked_as_anon(gateway, headers):
    answer = await gateway.get("/rest/v1/t?select=a", headers=headers)

    assert (await answer.json())["claims"] == {"role": "anon"}


async def test_a_users_token_is_handed_over_as_its_claims(gateway, ring):
    claims = {"sub": USER, "role": "authenticated", "x": [1]}

    answer = await gateway.post(
        "/rest/v1/rpc/f", headers=bearer(sign_access_token(ring, claims)), data="body"
    )

    assert await answer.json() == {
        "claims": claims,
        "tail": "rpc/f",
        "query": "",
        "body": "body",
    }


async def test_a_token_without_a_role_is_anons(gateway, ring):
    answer = await gateway.get("/rest/v1/t", headers=bearer(sign_access_token(ring, {})))

    assert (await answer.json())["claims"]["role"] == "anon"


@pytest.mark.parametrize("role", ["postgres", ["authenticated"], {}, 1, None])
async def test_a_role_that_is_none_of_the_projects_is_refused(gateway, ring, role):
    token = sign_access_token(ring, {"role": role})

    answer = await gateway.get("/rest/v1/t", headers=bearer(token))

    assert (answer.status, (await answer.json())["code"]) == (401, "22023")


async def test_a_bad_token_is_told_as_postgrest_does(gateway):
    answer = await gateway.get("/rest/v1/t", headers=bearer("abc"))

    assert answer.status == 401
    assert (await answer.json())["code"] == "PGRST301"
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


async def test_an_expired_token_is_told_after_a_little_leeway(gateway, ring, clock):
    token = sign_access_token(ring, {"role": "anon", "exp": int(clock())})

    clock.advance(20)
    assert (await gateway.get("/rest/v1/t", headers=bearer(token))).status == 200
    clock.advance(20)
    late = await gateway.get("/rest/v1/t", headers=bearer(token))

    assert (late.status, (await late.json())["code"]) == (401, "PGRST303")


async def test_the_root_of_rest_is_below_it(gateway):
    assert (await (await gateway.get("/rest/v1")).json())["tail"] == ""
    assert (await (await gateway.get("/rest/v1/")).json())["tail"] == ""


async def test_pages_of_every_origin_may_call(gateway):
    preflight = await gateway.options(
        "/auth/v1/token",
        headers={
            "Origin": "https://app.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "apikey, authorization",
            "apikey": "",
        },
    )
    refused = await gateway.get("/auth/v1/user", headers={"Origin": "https://app.example.com"})

    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "apikey, authorization"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in refused.headers


async def test_options_that_is_no_preflight_is_rests_own(gateway):
    assert (await gateway.options("/rest/v1/t")).status == 200


async def test_unknown_paths_and_methods_are_told_in_json(gateway, told):
    assert await told(await gateway.get("/auth/v1/sso")) == (404, "not_found")
    wrong = await gateway.delete("/auth/v1/user")
    assert await told(wrong) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(",")) == {"GET", "HEAD", "PUT"}


async def test_errors_have_the_shape_of_the_version_asked_for(gateway):
    answer = await gateway.get("/auth/v1/sso", headers=NEW_SHAPE)

    assert await answer.json() == {"code": "not_found", "message": "Not Found"}
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"


async def test_a_mistake_of_ours_tells_nothing_of_itself(gateway):
    answer = await gateway.get("/rest/v1/fail")

    told = await answer.json()
    assert (answer.status, told["code"]) == (500, "PGRSTX00")
    assert "planted" not in str(told)


async def test_a_body_that_is_too_large_for_rest_is_told_in_its_shape(gateway):
    answer = await gateway.get("/rest/v1/large")

    assert (answer.status, (await answer.json())["code"]) == (413, "PGRST102")


@pytest.mark.parametrize("path", ["/auth/v1/token", "/rest/v1/t"])
async def test_a_client_that_leaves_in_the_middle_is_no_fault_of_ours(path):
    begun, answered = asyncio.Event(), asyncio.Queue()

    @web.middleware
    async def watch(request, handler):
        answer = await handler(request)
        answered.put_nowait(answer)
        return answer

    async def read(request):
        begun.set()
        return web.Response(body=await request.read())

    app = web.Application(middlewares=[watch, boundary])
    app.router.add_post(path, read)
    # As the stack runs it: aiohttp's test server would cancel the handler instead.
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        with capture_logs() as logged:
            _, writer = await asyncio.open_connection(*runner.addresses[0])
            head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
            writer.write(head.encode() + b"half")
            await asyncio.wait_for(begun.wait(), 5)
            writer.close()
            answer = await asyncio.wait_for(answered.get(), 5)
    finally:
        await runner.cleanup()

    assert answer.status == 400
    assert logged == []


@pytest.mark.parametrize(
    ("path", "code"), [("/auth/v1/token", "bad_json"), ("/rest/v1/t", "PGRST102")]
)
async def test_a_body_that_breaks_on_its_way_is_the_senders_mistake(aiohttp_client, path, code):
    async def fail(_request):
        raise web.RequestPayloadError

    app = web.Application(middlewares=[boundary])
    app.router.add_post(path, fail)
    with capture_logs() as logged:
        answer = await (await aiohttp_client(app)).post(path)

    told = await answer.json()
    assert (answer.status, told.get("error_code", told["code"])) == (400, code)
    assert logged == []


async def test_an_error_of_oauth_keeps_its_shape(person):
    answer = await person.post("/token?grant_type=refresh_token", {}, headers=NEW_SHAPE)

    assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_what_the_database_cannot_keep_is_the_senders_mistake(person, told):
    body = {"email": person.email, "password": PASSWORD, "data": {"nul": "\0"}}

    assert await told(await person.post("/signup", body)) == (400, "validation_failed")


async def test_a_constraint_of_the_project_speaks_for_itself(person, pool):
    async with pool.acquire() as connection:
        await connection.execute(
            "alter table auth.users add constraint no_eve check (email not like 'eve-%')"
        )
    try:
        body = {"email": f"eve-{person.email}", "password": PASSWORD}
        answer = await person.post("/signup", body)
    finally:
        async with pool.acquire() as connection:
            await connection.execute("alter table auth.users drop constraint no_eve")

    assert (answer.status, (await answer.json())["code"]) == (500, "23514")
    assert "$2b$" not in await answer.text()


async def test_a_refusal_of_the_database_itself_is_no_outage(person, pool):
    async with pool.acquire() as connection:
        await connection.execute("alter table auth.identities rename to elsewhere")
    try:
        answer = await person.post("/signup", {"email": person.email, "password": PASSWORD})
    finally:
        async with pool.acquire() as connection:
            await connection.execute("alter table auth.elsewhere rename to identities")

    assert (answer.status, (await answer.json())["error_code"]) == (500, "unexpected_failure")
    assert "identities" not in await answer.text()


async def test_while_the_database_is_away_auth_says_so_and_comes_back_with_it(
    make_gateway, tmp_path
):
    postgres = Postgres(find_bin_dir(None), tmp_path / "pg", fsync=False)
    await postgres.start()
    await lay_roles(postgres)
    args = postgres.connect_args("supabase_auth_admin")
    async with asyncpg.create_pool(**args, min_size=1, max_size=2) as pool:
        gateway = await make_gateway(pool=pool)
        body = {"email": "ann@example.com", "password": PASSWORD}
        assert (await gateway.post("/auth/v1/signup", json=body)).status == 200

        async def sign_in():
            return await gateway.post("/auth/v1/token?grant_type=password", json=body)

        os.kill(postgres.pid, signal.SIGKILL)
        away = await sign_in()
        told = await away.json()
        async with asyncio.timeout(5):
            while (await sign_in()).status != 200:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
    await postgres.stop()

    assert (away.status, told["code"], told["error_code"]) == (503, 503, "unexpected_failure")
    assert "try again" in told["msg"]
