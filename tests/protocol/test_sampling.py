import pytest

from atoms_mcp.protocol.sampling import check_messages

TEXT = {"type": "text", "text": "hi"}


def use(name):
    return {"type": "tool_use", "id": name, "name": "weather", "input": {}}


def result(name):
    return {"type": "tool_result", "toolUseId": name, "content": [TEXT]}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": TEXT}],
        [user(TEXT), assistant(TEXT), user(TEXT)],
        [user(TEXT), assistant(TEXT, use("a"), use("b")), user(result("b"), result("a"))],
        [assistant(use("a")), user(result("a")), assistant(use("b")), user(result("b"))],
        [{"role": "assistant", "content": use("a")}, {"role": "user", "content": result("a")}],
    ],
)
def test_a_conversation_may_use_tools(messages):
    check_messages(messages)


@pytest.mark.requirement("sampling-results-alone")
def test_results_of_tools_stand_alone():
    with pytest.raises(ValueError, match="nothing else in it"):
        check_messages([assistant(use("a")), user(result("a"), TEXT)])


@pytest.mark.requirement("sampling-results-alone")
def test_results_of_tools_are_the_users():
    with pytest.raises(ValueError, match="messages of the user"):
        check_messages([assistant(use("a")), assistant(result("a"))])


@pytest.mark.requirement("sampling-results-balanced")
@pytest.mark.parametrize(
    "messages",
    [
        [assistant(use("a"))],
        [assistant(use("a")), user(TEXT)],
        [assistant(use("a")), user(TEXT), user(result("a"))],
        [assistant(use("a"), use("b")), user(result("a"))],
        [user(result("a"))],
        [assistant(use("a")), user(result("a"), result("b"))],
    ],
)
def test_each_use_of_a_tool_is_followed_by_its_result(messages):
    with pytest.raises(ValueError, match="followed at once by its result"):
        check_messages(messages)
