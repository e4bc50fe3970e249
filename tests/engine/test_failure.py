import orjson
import pytest

from atoms_mcp.engine.deadline import DeadlinePassed
from atoms_mcp.engine.failure import TOO_MANY, render_failure, to_rpc_error
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError

SECRET = "row data of somebody"


def render(error):
    result = render_failure(error, "r-1")
    body = orjson.loads(result.structured)
    assert body["ok"] is False
    assert list(body["error"])[:3] == ["code", "message", "fix"]
    told = body["error"]
    assert result.error_code == told["code"]
    assert result.content == f"{told['code']}: {told['message']} Fix: {told['fix']}"
    assert SECRET not in result.content
    return told


def test_a_tool_error_is_told_with_its_details():
    error = ToolError("conflict", "It changed.", fix="Read it.", details={"current_version": 4})

    assert render(error) == {
        "code": "conflict",
        "message": "It changed.",
        "fix": "Read it.",
        "current_version": 4,
    }


@pytest.mark.requirement("tools-failures")
@pytest.mark.parametrize("kind", ["down", "slow", "wrong"])
def test_an_outage_is_unavailable(kind):
    assert render(SupabaseError(kind, SECRET))["code"] == "unavailable"


def test_a_busy_upstream_says_when_to_come_back():
    told = render(SupabaseError("busy", SECRET, retry_after_s=7))

    assert (told["code"], told["retry_after_s"]) == ("rate_limited", 7)
    assert "after 7 s" in told["fix"]
    assert "retry_after_s" not in render(SupabaseError("busy", SECRET))


def test_an_unforeseen_refusal_is_ours_and_names_the_request():
    told = render(SupabaseError("refused", SECRET, details=SECRET, hint=SECRET))

    assert (told["code"], told["request_id"]) == ("internal", "r-1")


def test_a_deadline_says_how_long_it_was():
    told = render(DeadlinePassed("stopped after 20 s"))

    assert told["code"] == "unavailable"
    assert told["message"] == "The call was stopped after 20 s."


def test_a_missing_scope_is_named():
    told = render(InsufficientScope("atoms:write"))

    assert (told["code"], told["needed_scope"]) == ("forbidden", "atoms:write")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unauthenticated("expired"), "Nobody is signed in: expired."),
        (Unauthenticated(), "Nobody is signed in: no valid login."),
        (CallerExpired("PGRST303"), "Nobody is signed in: no valid login."),
    ],
)
def test_a_missing_login_says_how_to_get_one(error, words):
    told = render(error)

    assert (told["code"], told["message"]) == ("unauthenticated", words)
    assert "atoms-mcp login" in told["fix"]


def test_elsewhere_than_in_tools_a_failure_is_an_error_with_the_same_words():
    error = ToolError("conflict", "It changed.", fix="Read it.", details={"current_version": 4})

    told = to_rpc_error(error, "r-1")

    assert (told.code, told.message, told.status) == (-32602, str(error), None)
    assert told.data == {"code": "conflict", "fix": "Read it.", "current_version": 4}


def test_an_outage_is_no_fault_of_the_request():
    told = to_rpc_error(SupabaseError("down", SECRET), "r-1")

    assert (told.code, told.data["code"], told.status) == (-32603, "unavailable", None)
    assert SECRET not in told.message


@pytest.mark.parametrize(
    "error",
    [
        ToolError("rate_limited", "Too much.", fix="Wait.", details={"retry_after_s": 7}),
        SupabaseError("busy", SECRET, retry_after_s=7),
    ],
)
def test_too_much_is_told_apart_from_what_is_wrong(error):
    told = to_rpc_error(error, "r-1")

    assert (told.code, told.status) == (TOO_MANY, 429)
    assert (told.data["code"], told.data["retry_after_s"]) == ("rate_limited", 7)
