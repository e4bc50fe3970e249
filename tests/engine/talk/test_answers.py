import pytest

from atoms_mcp.engine.talk.answers import BadAnswer, check_answer
from atoms_mcp.engine.talk.inputs import InputRequest

SURE = InputRequest.form(
    "Sure?",
    {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]},
)
PAGE = InputRequest.link("Pay.", "https://x.test")
MODEL = InputRequest.sample([], 10)
ROOTS = InputRequest.roots()


@pytest.mark.parametrize(
    ("request_", "answer", "read"),
    [
        (SURE, {"action": "accept", "content": {"sure": True}, "_meta": {}}, None),
        (SURE, {"action": "decline", "content": {"sure": 5}}, {"action": "decline"}),
        (SURE, {"action": "cancel"}, {"action": "cancel"}),
        (PAGE, {"action": "accept", "content": {"token": "x"}}, {"action": "accept"}),
        (MODEL, {"content": {"type": "text", "text": "hi"}}, None),
        (ROOTS, {"roots": [{"uri": "file:///a"}]}, None),
    ],
)
def test_an_answer_of_the_right_form_is_taken(request_, answer, read):
    answer.pop("_meta", None)

    assert check_answer(request_, answer) == (read or answer)


@pytest.mark.parametrize(
    ("request_", "answer", "words"),
    [
        (SURE, None, "must be an object"),
        (SURE, {}, "needs an action, one of accept, decline, cancel"),
        (SURE, {"action": "accept"}, "it needs content"),
        (SURE, {"action": "accept", "content": {"sure": "x"}}, "sure must be true or false"),
        (SURE, {"action": "accept", "content": {}}, "sure is missing"),
        (MODEL, {}, "needs content"),
        (ROOTS, {"roots": {}}, "needs roots, a list"),
    ],
)
def test_an_answer_of_another_form_says_what_is_wrong(request_, answer, words):
    with pytest.raises(BadAnswer, match=words):
        check_answer(request_, answer)
