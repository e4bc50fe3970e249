import orjson
import pytest
from web_double import assert_problem

PATH = "/api/mcp/tools/call"


@pytest.fixture
def token(supabase):
    return supabase.token()


async def send(web, raw, token=None, content="application/json"):
    return await web.ask("POST", PATH, token=token, data=raw, headers={"Content-Type": content})


async def test_a_call_gives_the_result_object(supabase, web, token, lines):
    answer = await web.call("whoami", token=token)

    facts = {"user_id": supabase.user_id, "email": supabase.email}
    assert answer.status == 200
    assert answer.told["structuredContent"] == facts
    assert orjson.loads(answer.told["content"][0]["text"]) == facts
    assert answer.told["isError"] is False
    assert (lines[-1]["tool"], lines[-1]["error_code"]) == ("whoami", None)


async def test_arguments_may_be_missing(web, token):
    assert (await web.ask("POST", PATH, token=token, json={"tool": "whoami"})).status == 200


async def test_what_a_caller_can_mend_is_a_result_too(web, token, lines):
    answer = await web.call("whoami", token=token, nmae=1)

    assert answer.status == 200
    assert answer.told["isError"] is True
    assert answer.told["structuredContent"]["error"]["code"] == "invalid_argument"
    assert lines[-1]["error_code"] == "invalid_argument"


async def test_an_unknown_tool_is_not_found_and_the_known_ones_are_named(web, token):
    answer = await web.call("no-such", token=token)

    assert "whoami" in assert_problem(answer, 404, "unknown_tool")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[" * 70 + b"]" * 70, "nested"),
        (b"[]", "must be an object"),
        (b"{}", "tool must be the name"),
        (b'{"tool":5}', "tool must be the name"),
        (b'{"tool":"whoami","arguments":[]}', "arguments must be an object"),
        (b'{"tool":"whoami","arguments":null}', "arguments must be an object"),
        (b'{"tool":"whoami","argumnets":{}}', "neither tool nor arguments"),
    ],
)
async def test_a_body_that_makes_no_call_is_malformed(web, token, raw, words):
    message = assert_problem(await send(web, raw, token), 400, "malformed")

    assert words in message


async def test_a_body_is_json_by_name(web, token):
    assert_problem(await send(web, b"{}", token, "text/plain"), 415, "unsupported_media_type")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"tool":"no-such"}', b'{"tool":"whoami"}'])
async def test_a_stranger_is_asked_to_sign_in_before_anything_else(web, raw):
    answer = await send(web, raw)

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == web.challenge


async def test_a_token_among_the_arguments_does_where_there_is_no_header(supabase, web, token):
    answer = await web.call("whoami", auth_token=token)

    assert answer.told["structuredContent"]["user_id"] == supabase.user_id


async def test_a_different_token_beside_the_header_is_refused(supabase, web, token):
    answer = await web.call("whoami", token=token, auth_token=supabase.token(session_id="other"))

    assert_problem(answer, 401, "invalid_token")
