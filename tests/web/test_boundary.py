import asyncio

import pytest
from supabase_double import answering
from web_double import assert_problem

from atoms_mcp.web.keys import EXCHANGE


async def test_every_answer_carries_a_request_id(web):
    for path in ("/healthz", "/nowhere", "/api/mcp", "/.well-known/x"):
        assert len((await web.ask("GET", path)).headers["X-Request-Id"]) == 16


async def test_an_id_of_a_proxy_is_taken_over(web, lines):
    answer = await web.ask("GET", "/healthz", headers={"X-Request-Id": "proxy-1.a_B"})

    assert answer.headers["X-Request-Id"] == "proxy-1.a_B"
    assert lines[0]["request_id"] == "proxy-1.a_B"


@pytest.mark.parametrize("given", ["a b", "x" * 65, "", "é", 'a"b', "a;b", "eyJ\x1b[2J"])
async def test_an_id_that_could_do_harm_is_not(web, given):
    raw = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nX-Request-Id: {given}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(f"{raw}Connection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = (await reader.read()).decode("latin-1")
    writer.close()

    if " 200 " in answer:
        told = answer.lower().split("x-request-id: ")[1].split("\r\n")[0]
        assert len(told) == 16
    else:
        assert " 400 " in answer


async def test_a_request_has_one_line_with_what_matters(supabase, web, lines):
    answer = await web.call("rows", token=supabase.token())

    (line,) = lines
    assert line["event"] == "request.done"
    assert line["log_level"] == "info"
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["user_id"] == supabase.user_id
    assert line["method"] == "POST"
    assert line["path"] == "/api/mcp/tools/call"
    assert line["tool"] == "rows"
    assert line["status"] == 200
    assert line["ms"] >= line["upstream_ms"] > 0


async def test_the_query_is_not_logged(web, lines):
    await web.ask("GET", "/healthz?access_token=abc")

    assert lines[0]["path"] == "/healthz"
    assert "abc" not in str(lines)


async def test_a_refusal_names_its_code_in_the_line(web, lines):
    await web.call("whoami")

    assert lines[0]["status"] == 401
    assert lines[0]["error_code"] == "unauthenticated"
    assert lines[0]["user_id"] is None


async def test_time_upstream_is_each_request_s_own(supabase, web, lines):
    token = supabase.token()
    await web.call("rows", token=token)
    await web.call("whoami", token=token)

    assert lines[0]["upstream_ms"] > 0
    assert lines[1]["upstream_ms"] == 0


async def test_an_unknown_error_tells_only_the_request_id(web, lines, monkeypatch):
    async def broken():
        raise LookupError("an internal detail")

    monkeypatch.setattr(web.readiness, "check", broken)

    answer = await web.ask("GET", "/readyz")

    message = assert_problem(answer, 500, "internal_error")
    assert answer.headers["X-Request-Id"] in message
    assert "detail" not in str(answer.told)
    (line,) = lines
    assert (line["status"], line["log_level"]) == (500, "error")
    assert isinstance(line["exc_info"], LookupError)


async def test_an_outage_is_no_error_of_ours(supabase, web, lines):
    supabase.faults["/auth/v1/user"] = answering(503)
    await web.call("whoami", token=supabase.token())

    request_lines = [line for line in lines if line["event"] == "request.done"]
    assert [line["log_level"] for line in request_lines] == ["info"]
    assert "exc_info" not in request_lines[0]


@pytest.mark.requirement("auth-insufficient-scope")
async def test_a_missing_scope_is_a_403_with_a_challenge(supabase, web, monkeypatch):
    from atoms_mcp.identity import claims  # noqa: PLC0415 - patched here alone

    monkeypatch.setattr(claims, "ALL_SCOPES", frozenset({"atoms:read"}))

    answer = await web.call("writes", token=supabase.token())

    assert_problem(answer, 403, "insufficient_scope")
    assert 'scope="atoms:read atoms:write"' in answer.headers["WWW-Authenticate"]


async def test_a_client_that_leaves_has_its_line_too(web, lines, monkeypatch):
    entered = asyncio.Event()
    task = None

    async def slow():
        nonlocal task
        task = asyncio.current_task()
        entered.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(web.readiness, "check", slow)
    asking = asyncio.ensure_future(web.ask("GET", "/readyz"))
    async with asyncio.timeout(5):
        await entered.wait()
        task.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    assert lines[0]["status"] == 499


async def test_an_answer_that_was_begun_is_left_alone(make_web, monkeypatch):
    from aiohttp import web as aiohttp_web  # noqa: PLC0415 - near its use

    from atoms_mcp.web import health  # noqa: PLC0415 - patched here alone

    async def stream(request):
        request[EXCHANGE].facts["more"] = 1
        response = aiohttp_web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begun")
        return response

    monkeypatch.setattr(health, "healthz", stream)
    web = await make_web()

    answer = await web.ask("GET", "/healthz")

    assert answer.told == b"begun"


async def test_unknown_paths_are_a_clean_404(web):
    answer = await web.ask("GET", "/nowhere")

    assert_problem(answer, 404, "not_found")
    assert f"{web.url}/api/mcp" in answer.told["hint"]


async def test_which_library_answers_is_not_told(web):
    for path in ("/healthz", "/nowhere"):
        assert (await web.ask("GET", path)).headers["Server"] == "atoms-mcp"


@pytest.mark.requirement("t22-answers")
async def test_requests_at_the_same_time_keep_their_users(supabase, web):
    users = {
        f"00000000-0000-4000-8000-0000000000{number:02}": f"session-{number}"
        for number in range(10)
    }
    supabase.faults["/auth/v1/user"] = whoever(supabase)
    tokens = {user: supabase.token(sub=user, session_id=session) for user, session in users.items()}

    async def ask(user):
        answer = await web.call("whoami", token=tokens[user])
        return answer.told["structuredContent"]["user_id"] == user

    assert all(await asyncio.gather(*(ask(user) for user in list(users) * 10)))


def whoever(supabase):
    import base64  # noqa: PLC0415 - near its use
    import json  # noqa: PLC0415 - near its use

    from aiohttp import web as aiohttp_web  # noqa: PLC0415 - near its use

    async def answer(request):
        body = request.headers["Authorization"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        await asyncio.sleep(0)
        return aiohttp_web.json_response({**supabase.user(), "id": claims["sub"]})

    return answer


async def test_who_proved_it_by_an_argument_is_in_the_line_too(supabase, web, lines):
    call = {"tool": "whoami", "arguments": {"auth_token": supabase.token()}}

    await web.ask("POST", "/api/mcp/tools/call", json=call)

    assert lines[0]["user_id"] == supabase.user_id
