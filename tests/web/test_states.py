"""The states of a session, as a table: what each message comes to in each of them, over HTTP."""

import orjson
import pytest
from engine_double import LEGACY, initialize

INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
WHOAMI = {"name": "whoami", "arguments": {}}


def ask(method, **params):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


# What is sent: a message to POST, or another method of HTTP.
MESSAGES = {
    "initialize": initialize("2025-06-18", call_id=7),
    "initialized": INITIALIZED,
    "ping": ask("ping"),
    "list": ask("tools/list"),
    "call": ask("tools/call", **WHOAMI),
    "unknown": ask("no/such"),
    "cancelled": {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}},
    "answer": {"jsonrpc": "2.0", "id": "made-up", "result": {}},
    "GET": "GET",
    "DELETE": "DELETE",
}
# What comes back: the status, and the code of the error where there is one.
DONE, TAKEN, ENDED = (200, None), (202, None), (204, None)
REFUSED, GONE, NO_WAY = (400, -32600), (404, -32600), (405, -32600)
UNKNOWN, INCOMPLETE = (200, -32601), (400, -32602)
OPEN = {
    "initialize": REFUSED,
    "initialized": TAKEN,
    "ping": DONE,
    "list": DONE,
    "call": DONE,
    "unknown": UNKNOWN,
    "cancelled": TAKEN,
    "answer": TAKEN,
    "GET": DONE,
    "DELETE": ENDED,
}
TABLE = {
    "nothing was said": {
        **dict.fromkeys(MESSAGES, REFUSED),
        "initialize": DONE,
        "GET": NO_WAY,
        "DELETE": NO_WAY,
    },
    # A session does not wait for initialized: some clients send it late, or not at all.
    "initialize was answered": OPEN,
    "initialized was said": OPEN,
    "it was ended": {**dict.fromkeys(MESSAGES, GONE), "initialize": DONE},
    "it is another's": {**dict.fromkeys(MESSAGES, GONE), "initialize": DONE},
    "it was made up": {**dict.fromkeys(MESSAGES, GONE), "initialize": DONE},
    "the header names no revision": dict.fromkeys(MESSAGES, REFUSED),
    # Then these are messages of that revision: without its metadata, and with no session.
    "the header names a revision without sessions": {
        **dict.fromkeys(MESSAGES, INCOMPLETE),
        "initialize": REFUSED,
        "initialized": TAKEN,
        "cancelled": TAKEN,
        "answer": REFUSED,
        "GET": REFUSED,
        "DELETE": REFUSED,
    },
    "the header names another one with sessions": OPEN,
    "there is no header": OPEN,
}
NAMED = {
    "the header names no revision": "1900-01-01",
    "the header names a revision without sessions": "2026-07-28",
    "the header names another one with sessions": "2025-03-26",
}


async def send(web, token, message, headers):
    """Send what is to be sent; give the status, and the code of the error."""
    if isinstance(message, str):
        sent = {**headers, "Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        async with web.client.request(message, "/api/mcp", headers=sent) as answer:
            is_error = answer.content_type == "application/json"
            told = orjson.loads(await answer.read()) if is_error else {}
            return answer, (answer.status, told.get("error", {}).get("code"))
    answer = await web.ask("POST", "/api/mcp", token=token, json=message, headers=headers)
    told = answer.told if isinstance(answer.told, dict) else {}
    return answer, (answer.status, told.get("error", {}).get("code"))


async def bring_about(web, token, stranger, revision, state):
    """Open a session and bring it into a state; give the headers that its client sends then."""
    if state == "nothing was said":
        return {}
    owner = stranger if state == "it is another's" else token
    opened, outcome = await send(web, owner, initialize(revision), {})
    assert outcome == DONE
    headers = {
        "Mcp-Session-Id": opened.headers["Mcp-Session-Id"],
        "MCP-Protocol-Version": revision,
    }
    if state != "initialize was answered":
        assert (await send(web, owner, INITIALIZED, headers))[1] == TAKEN
    if state == "it was ended":
        assert (await send(web, token, "DELETE", headers))[1] == ENDED
    if state == "it was made up":
        headers["Mcp-Session-Id"] = "made-up"
    if state == "there is no header":
        del headers["MCP-Protocol-Version"]
    return {**headers, **({"MCP-Protocol-Version": NAMED[state]} if state in NAMED else {})}


@pytest.mark.requirement("sess-states")
@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("revision", LEGACY)
async def test_each_message_in_each_state(make_web, supabase, revision, state, message):
    web = await make_web(ATOMS_FASTMCP_AUTH_MODE="jwt")
    token = supabase.token()
    stranger = supabase.token(sub="6b1f8f5e-1111-4222-8333-444455556666")
    headers = await bring_about(web, token, stranger, revision, state)

    answer, outcome = await send(web, token, MESSAGES[message], headers)

    assert outcome == TABLE[state][message]
    if outcome == DONE and message not in {"initialize", "GET"}:
        assert answer.told["id"] == 7
    is_opened = outcome == DONE and message == "initialize"
    assert ("Mcp-Session-Id" in answer.headers) == is_opened
