import pytest
from engine_double import caller

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.dialogue import Dialogue
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.entities.rest import RestAnswer, RestRequest


class RestLog:
    def __init__(self):
        self.sent = []

    async def send(self, request, token):
        self.sent.append((request, token))
        return RestAnswer([])


class Heard(Dialogue):
    capabilities = ("elicitation",)
    is_cancelled = True

    def __init__(self, answer=None):
        self.heard = []
        self.answer = answer

    async def progress(self, *said):
        self.heard.append(("progress", *said))

    async def log(self, *said):
        self.heard.append(("log", *said))

    async def ask(self, requests, *, authorises):
        self.heard.append(("ask", dict(requests), authorises))
        return dict.fromkeys(requests, self.answer)

    async def publish(self, change):
        self.heard.append(("publish", change))


def context(dialogue):
    return Context(caller("bob"), RestLog(), "r-1", dialogue)


@pytest.mark.requirement("tools-access")
async def test_a_request_goes_out_with_the_callers_own_token():
    rest = RestLog()
    request = RestRequest("GET", "projects")

    answer = await Context(caller("bob"), rest, "r-1").send(request)

    assert answer.data == []
    assert rest.sent == [(request, "t-bob")]


def test_whose_call_it_is_cannot_be_changed():
    with pytest.raises(AttributeError):
        Context(caller("bob"), RestLog(), "r-1").caller = caller("ada")


async def test_what_is_said_reaches_the_client():
    dialogue = Heard()
    own = context(dialogue)

    await own.progress(1, 2, "half")
    await own.log("info", {"a": 1}, "here")
    await own.publish(Change("tools"))

    assert dialogue.heard == [
        ("progress", 1, 2, "half"),
        ("log", "info", {"a": 1}, "here"),
        ("publish", Change("tools")),
    ]
    assert own.is_cancelled


def test_a_client_can_what_it_declared():
    assert context(Heard()).can("elicitation")
    assert not context(Heard()).can("roots")


async def test_questions_are_answered_by_key():
    roots = InputRequest.roots()
    dialogue = Heard({"roots": []})

    assert await context(dialogue).ask({"where": roots}) == {"where": {"roots": []}}
    assert dialogue.heard == [("ask", {"where": roots}, False)]


@pytest.mark.requirement("elic-actions")
@pytest.mark.parametrize(
    ("answer", "content"),
    [
        ({"action": "accept", "content": {"sure": True}}, {"sure": True}),
        ({"action": "decline"}, {}),
        ({"action": "cancel", "content": None}, {}),
    ],
)
async def test_a_form_is_answered_with_what_the_user_made_of_it(answer, content):
    dialogue = Heard(answer)

    found = await context(dialogue).elicit("sure", "Sure?", {"type": "object"}, authorises=True)

    assert (found.action, found.content) == (answer["action"], content)
    assert dialogue.heard == [
        ("ask", {"sure": InputRequest.form("Sure?", {"type": "object"})}, True)
    ]


@pytest.mark.requirement("elic-url-data")
async def test_no_page_is_asked_for_by_an_address_with_the_token_in_it():
    dialogue = Heard({"action": "accept"})
    own = context(dialogue)
    page = InputRequest.link("Pay.", f"https://pay.test/?t={own.caller.token}")

    with pytest.raises(ValueError, match="token"):
        await own.ask({"page": page})
    assert dialogue.heard == []
