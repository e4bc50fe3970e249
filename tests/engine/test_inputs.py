import pytest

from atoms_mcp.engine.inputs import ElicitAnswer, InputRequest, InputRequired


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
