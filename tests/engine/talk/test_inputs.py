import pytest

from atoms_mcp.engine.talk.inputs import ElicitAnswer, InputRequest, InputRequired


@pytest.mark.parametrize(
    ("request_", "method", "capability"),
    [
        (InputRequest.form("Sure?", {"type": "object"}), "elicitation/create", "elicitation"),
        (InputRequest.link("Pay", "https://x.test"), "elicitation/create", "elicitation.url"),
        (InputRequest.sample([], 100), "sampling/createMessage", "sampling"),
        (InputRequest.sample([], 100, tools=[]), "sampling/createMessage", "sampling.tools"),
        (InputRequest.roots(), "roots/list", "roots"),
    ],
)
def test_each_question_names_its_method_and_what_it_takes(request_, method, capability):
    assert (request_.method, request_.capability) == (method, capability)


@pytest.mark.requirement("elic-url-valid")
@pytest.mark.parametrize("url", ["", "pay.test/1", "/pay", "https:///pay", "javascript:alert(1)"])
def test_a_page_has_an_address(url):
    with pytest.raises(ValueError, match="https://"):
        InputRequest.link("Pay.", url)


@pytest.mark.requirement("elic-url-data")
@pytest.mark.parametrize("url", ["https://ada:pw@pay.test/1", "https://ada@pay.test/1"])
def test_the_address_of_a_page_names_no_user(url):
    with pytest.raises(ValueError, match="neither a user nor a password"):
        InputRequest.link("Pay.", url)


@pytest.mark.requirement("sampling-results-balanced")
def test_a_conversation_is_checked_before_it_is_put_to_a_model():
    use = {"type": "tool_use", "id": "a", "name": "weather", "input": {}}

    with pytest.raises(ValueError, match="followed at once by its result"):
        InputRequest.sample([{"role": "assistant", "content": use}], 100)


@pytest.mark.requirement("sampling-context")
def test_other_conversations_of_the_client_are_never_asked_for():
    assert InputRequest.sample([], 100, includeContext="none").capability == "sampling"
    with pytest.raises(ValueError, match="deprecated"):
        InputRequest.sample([], 100, includeContext="allServers")


@pytest.mark.requirement("elic-actions")
@pytest.mark.parametrize(
    ("action", "is_accepted"), [("accept", True), ("decline", False), ("cancel", False)]
)
def test_only_an_accepted_form_is_accepted(action, is_accepted):
    assert ElicitAnswer(action).is_accepted is is_accepted


def test_what_is_required_is_named():
    required = InputRequired({"sure": InputRequest.roots()}, "sealed")

    assert "sure" in str(required)
    assert required.state == "sealed"
