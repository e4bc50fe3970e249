"""What holds for every request: paths, headers, roles, refusals; on a real PostgreSQL."""

import asyncio

import pytest
from rest_world import ADA, BOB

from atoms_mcp.local.postgres.binaries import find_bin_dir
from atoms_mcp.local.postgres.cluster import SUPERUSER, Postgres
from atoms_mcp.local.rest import cache as rest_cache
from atoms_mcp.local.rest.api import RestApi
from atoms_mcp.local.rest.database import open_pool


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("", 404, "PGRST126"),
        ("a/b", 404, "PGRST125"),
        ("rpc/a/b", 404, "PGRST125"),
        ("rpc", 404, "PGRST205"),
        ("pg_class", 404, "PGRST205"),
        ("auth.users", 404, "PGRST205"),
        ("users", 404, "PGRST205"),
        ("tasks%00", 404, "PGRST205"),
        ('tasks"', 404, "PGRST205"),
    ],
)
async def test_paths_that_lead_nowhere(rest, path, status, code):
    reply = await rest.get(path)

    assert (reply.status, reply.code) == (status, code)


async def test_other_methods_are_refused(rest):
    reply = await rest("PROPFIND", "tasks")

    assert (reply.status, reply.code) == (405, "PGRST117")


async def test_options_say_what_a_relation_takes(rest):
    table = await rest("OPTIONS", "tasks")
    view = await rest("OPTIONS", "task_overview")
    unknown = await rest("OPTIONS", "nothing")

    assert table.headers["Allow"] == "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"
    assert view.headers["Allow"] == "OPTIONS,GET,HEAD"
    assert table.headers["Access-Control-Allow-Origin"] == "*"
    assert (unknown.status, unknown.code) == (404, "PGRST205")


async def test_only_the_exposed_schema_is_served(rest):
    own = await rest.get("tasks", Accept_Profile="public", Content_Profile="auth")
    other = await rest.get("tasks", Accept_Profile="auth")
    written = await rest.post("tasks", {"title": "x"}, Content_Profile="auth")

    assert own.status == 200
    for reply in (other, written):
        assert (reply.status, reply.code) == (406, "PGRST106")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html, application/json;q=0.9", 200),
        ("application/vnd.pgrst.array+json", 200),
        ("text/csv", 406),
        ("application/vnd.pgrst.plan+json", 406),
        ("text/html", 406),
    ],
)
async def test_forms_of_the_answer(rest, accept, status):
    reply = await rest.get("tasks", Accept=accept)

    assert reply.status == status
    if status == 406:
        assert reply.code == "PGRST107"


async def test_preferences_are_checked_only_when_asked(rest):
    lenient = await rest.get("tasks", prefer="nonsense=1, return=odd")
    strict = await rest.get("tasks", prefer="handling=strict, nonsense=1, return=odd")
    known = await rest.get("tasks", prefer="handling=strict, tx=rollback, count=exact")

    assert lenient.status == 200
    assert (strict.status, strict.code) == (400, "PGRST122")
    assert strict.rows["details"] == "Invalid preferences: nonsense=1, return=odd"
    assert known.headers["Preference-Applied"] == "count=exact, handling=strict"


async def test_a_transaction_is_never_ended_by_preference(rest, owner):
    await rest.post("tasks", {"title": "kept"}, prefer="tx=rollback")

    assert await owner.fetchval("select count(*) from tasks where title = 'kept'") == 1


async def test_roles(rest):
    anon = await rest.as_role("anon").get("orgs")
    nobody = await rest.as_role("").get("rpc/whoami")
    service = await rest.as_role("service_role").get("tasks", prefer="count=exact")
    unknown = await rest.as_role("nobody_knows").get("orgs")
    mighty = await rest.as_role(SUPERUSER).get("orgs")

    assert anon.status == 200
    assert nobody.rows["role"] == "anon"
    assert service.range == "0-4/5"
    assert (unknown.status, unknown.code) == (401, "22023")
    assert (mighty.status, mighty.code) == (403, "42501")


async def test_each_sees_their_own(rest):
    ada = await rest.get("tasks")
    bob = await rest.as_user(BOB).get("tasks?select=title")
    stranger = await rest.as_user("c0000000-0000-4000-8000-000000000003").get("tasks")

    assert (len(ada.rows), bob.rows, stranger.rows) == (4, [{"title": "bobs"}], [])


async def test_what_is_forbidden(rest):
    user = await rest.get("secrets")
    anon = await rest.as_role("anon").get("secrets")

    assert (user.status, user.code) == (403, "42501")
    assert (anon.status, anon.code) == (401, "42501")
    assert anon.headers["WWW-Authenticate"] == "Bearer"


async def test_claims_of_requests_at_once_are_never_mixed(rest):
    users = [f"{at:08d}-0000-4000-8000-000000000000" for at in range(60)]

    async def ask(user):
        who = rest.as_user(user) if user[-1] == "0" else rest
        if int(user[:8]) % 3 == 0:
            await who.get("tasks?points=eq.wrong")
        reply = await who.get("rpc/whoami")
        return reply.rows["claims"]["sub"]

    assert await asyncio.gather(*(ask(user) for user in users)) == users


async def test_nothing_of_a_request_stays_on_its_connection(rest, rest_pool):
    await rest.get("rpc/whoami", prefer="timezone=Europe/Paris")
    await rest.get("tasks?points=eq.wrong")

    async with rest_pool.acquire() as connection:
        row = await connection.fetchrow(
            "select current_user, current_setting('request.jwt.claims', true),"
            " current_setting('request.headers', true), current_setting('timezone')"
        )
    assert tuple(row) in {("authenticator", said, said, "UTC") for said in (None, "")}


async def test_a_body_that_is_too_large(rest):
    reply = await rest.post("tasks", "[" + " " * 64 * 1024 + "]")

    assert (reply.status, reply.code) == (413, "PGRST102")


async def test_a_schema_that_changed_is_found_without_a_notice(rest, owner, monkeypatch):
    monkeypatch.setattr(rest_cache, "RETRY_S", -1.0)
    await rest.get("tasks")
    await owner.execute("create table fresh (id int); grant all on fresh to authenticated")
    try:
        table = await rest.post("fresh", {"id": 1})
        await owner.execute("alter table fresh add word text")
        column = await rest.get("fresh?select=id,word&word=is.null")
    finally:
        await owner.execute("drop table fresh")

    assert table.status == 201
    assert column.rows == [{"id": 1, "word": None}]


async def test_a_schema_that_lost_something_is_an_error_of_the_database(rest, owner):
    await owner.execute("create table brief (id int); grant all on brief to authenticated")
    monkey = await rest.get("tasks")
    await owner.execute("drop table brief")

    reply = await rest.get("brief")

    assert monkey.status == 200
    assert reply.status == 404
    assert reply.code in {"42P01", "PGRST205"}


async def test_reload_reads_the_schema_at_once(rest_pool, serve_rest, owner):
    api = RestApi(rest_pool)
    rest = (await serve_rest(api)).as_user(ADA)
    await rest.get("tasks")
    await owner.execute("create table reloaded (id int); grant all on reloaded to authenticated")
    try:
        before = await rest.get("reloaded")
        await api.reload()
        after = await rest.get("reloaded")
    finally:
        await owner.execute("drop table reloaded")

    assert (before.status, after.status) == (404, 200)


async def test_between_start_and_stop_it_hears_of_changes(rest_pool, serve_rest, owner):
    api = RestApi(rest_pool)
    rest = (await serve_rest(api)).as_user(ADA)
    await api.start()
    try:
        await rest.get("tasks")
        await owner.execute("create table heard (id int); grant all on heard to authenticated")
        async with asyncio.timeout(5):
            while (await rest.get("heard")).status != 200:
                await owner.execute("notify pgrst, 'reload schema'")
    finally:
        await api.stop()
        await owner.execute("drop table heard")


@pytest.mark.usefixtures("owner")
async def test_a_statement_that_takes_too_long(rest_postgres, serve_rest):
    pool = await open_pool(
        **rest_postgres.connect_args("authenticator"),
        server_settings={"statement_timeout": "100"},
    )
    try:
        rest = (await serve_rest(RestApi(pool))).as_user(ADA)
        slow = await rest.post("rpc/slow")
        after = await rest.get("tasks?select=title&limit=1")
    finally:
        await pool.close()

    assert (slow.status, slow.code) == (500, "57014")
    assert after.status == 200


async def test_a_database_that_goes_away_is_a_503_until_it_is_back(tmp_path, serve_rest):
    postgres = Postgres(find_bin_dir(None), tmp_path / "data", fsync=False)
    await postgres.start()
    pool = await open_pool(**postgres.connect_args(SUPERUSER))
    try:
        async with pool.acquire() as connection:
            await connection.execute("create role anon; grant usage on schema public to anon")
            await connection.execute("create table t (id int); grant all on t to anon")
        rest = await serve_rest(RestApi(pool))
        before = await rest.get("t")
        await postgres.stop()
        during = [await rest.get("t"), await rest.post("t", {"id": 1}), await rest.get("x")]
        await postgres.start()
        after = await rest.get("t")
    finally:
        pool.terminate()
        await postgres.stop()

    assert (before.status, after.status) == (200, 200)
    for reply in during[:2]:
        assert (reply.status, reply.code) == (503, "PGRST001")
        assert set(reply.rows) == {"code", "message", "details", "hint"}
    assert during[2].status in {404, 503}
