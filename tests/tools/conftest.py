"""The tools on the embedded stack: called as the engine calls them, as the users of the demo."""

import uuid
from dataclasses import dataclass, field

import httpx
import jsonschema_rs
import orjson
import pytest

from atoms_mcp.engine.context import Context
from atoms_mcp.engine.offer.tool import Content
from atoms_mcp.engine.talk.dialogue import SILENCE, Dialogue
from atoms_mcp.entities.catalogue import load_catalogue
from atoms_mcp.entities.rest import RestAnswer
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import ALL_SCOPES, Caller
from atoms_mcp.settings import ServerSettings, load
from atoms_mcp.supabase.rest import Rest
from atoms_mcp.supabase.wire import Wire
from atoms_mcp.tools import build_offer

PASSWORD = "correct-horse-demo"
EMAILS = {
    "ada": "ada@acme.example",
    "vic": "vic@acme.example",
    "bob": "bob@umbrella.example",
}
CURSOR_KEY = b"k" * 32


@pytest.fixture(scope="session")
def stack(start_stack, tmp_path_factory):
    """A stack of their own: these tests leave many projects behind."""
    return start_stack(tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="session")
def catalogue():
    return load_catalogue()


@pytest.fixture(scope="session")
def offer(catalogue):
    return build_offer(catalogue, CURSOR_KEY)


@pytest.fixture(scope="session")
def tools(offer):
    return {tool.name: tool for tool in offer.tools}


@pytest.fixture(scope="session")
def sign_in(stack):
    """Give the caller that an address of the stack signs in as; made once for each."""
    callers = {}

    def sign_in(email, password=PASSWORD):
        if email not in callers:
            answer = httpx.post(
                f"{stack.url}/auth/v1/token?grant_type=password",
                json={"email": email, "password": password},
                headers={"apikey": stack.anon_key},
            )
            session = answer.raise_for_status().json()
            callers[email] = Caller(
                user_id=session["user"]["id"],
                email=email,
                role="authenticated",
                session_id=None,
                scopes=ALL_SCOPES,
                expires_at=session["expires_at"],
                token=session["access_token"],
            )
        return callers[email]

    return sign_in


@dataclass
class Counted:
    """Passes requests on, and keeps them."""

    rest: object
    requests: list = field(default_factory=list)
    before: dict = field(default_factory=dict)

    async def send(self, request, token):
        self.requests.append(request)
        if step := self.before.pop(len(self.requests), None):
            await step()
        return await self.rest.send(request, token)


class Client(Dialogue):
    """Stands in for a client that can fill in forms: keeps what it hears, answers as told.

    `answers` are contents of forms by what their message has in it; None declines.
    """

    def __init__(self, answers=None, cancelled_after=None):
        self.answers = answers
        self.cancelled_after = cancelled_after
        self.asked = []
        self.progressed = []
        self.changed = []
        self.lists = []
        self.seen_by = {}

    @property
    def capabilities(self):
        return () if self.answers is None else ("elicitation",)

    @property
    def is_cancelled(self):
        return self.cancelled_after is not None and len(self.progressed) >= self.cancelled_after

    async def progress(self, done, total, message):
        self.progressed.append((done, total, message))

    async def publish(self, change):
        self.changed.append(change.uri)
        if change.seen_by:
            self.seen_by[change.of, change.uri] = change.seen_by
        if change.of == "resources":
            self.lists.append(self.changed.pop())

    async def ask(self, requests, *, authorises):
        ((key, request),) = requests.items()
        self.asked.append((key, request.params["message"], request.params, authorises))
        for part, content in self.answers.items():
            if part in request.params["message"]:
                action = "decline" if content is None else "accept"
                return {key: {"action": action, "content": content}}
        raise AssertionError(request.params["message"])


@pytest.fixture
def client():
    """Make a client that answers forms as told."""
    return Client


class Workspace:
    """Calls tools as somebody; after a call `requests` are what it sent.

    `client` is who is asked and told meanwhile.
    """

    def __init__(self, tools, rest, find_caller):
        self.tools = tools
        self.rest = rest
        self.find_caller = find_caller
        self.requests = []
        self.client = SILENCE
        # What happens between two requests of the next call: step by number of the request.
        self.before = {}

    async def run(self, who, tool, arguments):
        chosen = self.tools[tool]
        counted = Counted(self.rest, before=self.before)
        self.before = {}
        accepted = chosen.accept(arguments)
        jsonschema_rs.validator_for(chosen.input_schema).validate(accepted)
        assert chosen.scope(accepted) in ALL_SCOPES
        try:
            answer = await chosen.handler(self.context(who, counted), accepted)
        finally:
            self.requests = counted.requests
        self.links = []
        if isinstance(answer, Content):
            self.links = [block["uri"] for block in answer.blocks[1:]]
            assert orjson.loads(answer.blocks[0]["text"]) == answer.structured
            answer = answer.structured
        jsonschema_rs.validator_for(chosen.output_schema).validate(answer)
        return answer

    def context(self, who, rest=None):
        """Give what a handler gets when somebody asks."""
        return Context(self.find_caller(who), rest or self.rest, "request-1", self.client)

    async def call(self, who, tool="entity_tool", **arguments):
        """Call a tool and give its answer."""
        answer = await self.run(who, tool, arguments)
        assert answer["ok"] is True
        return answer

    async def refused(self, who, tool="entity_tool", **arguments):
        """Call a tool that has to refuse, and give the error."""
        with pytest.raises(ToolError) as caught:
            await self.run(who, tool, arguments)
        return caught.value


@pytest.fixture
async def workspace(stack, tools, sign_in):
    wire = Wire(
        load(
            ServerSettings,
            {
                "NEXT_PUBLIC_SUPABASE_URL": stack.url,
                "NEXT_PUBLIC_SUPABASE_ANON_KEY": stack.anon_key,
            },
        )
    )
    yield Workspace(tools, Rest(wire), lambda who: sign_in(EMAILS.get(who, who)))
    await wire.close()


@dataclass(frozen=True)
class Project:
    key: str
    document: str

    def item(self, number):
        return f"{self.key}-REQ-{number}"


@pytest.fixture
async def project(workspace):
    """A project of Ada's with an empty document, for one test alone."""
    key = "T" + uuid.uuid4().hex[:8].upper()
    await workspace.call(
        "ada",
        operation="create",
        entity_type="project",
        parent="acme",
        data={"title": f"Test {key}", "key": key},
    )
    document = await workspace.call(
        "ada",
        operation="create",
        entity_type="document",
        parent=f"acme/{key}",
        data={"title": "Specification"},
    )
    return Project(key, document["item"]["key"])


@pytest.fixture
def invite(stack, sign_in, project):
    """Give somebody of the demo a role in the project of the test."""
    rest = httpx.Client(
        base_url=f"{stack.url}/rest/v1",
        headers={
            "apikey": stack.anon_key,
            "Authorization": f"Bearer {sign_in(EMAILS['ada']).token}",
        },
    )

    def invite(who, role):
        (row,) = rest.get("/projects", params={"key": f"eq.{project.key}"}).json()
        user_id = sign_in(EMAILS[who]).user_id
        member = {"project_id": row["id"], "user_id": user_id, "role": role}
        rest.post("/project_members", json=member).raise_for_status()

    yield invite
    rest.close()


class Script:
    """Stands in for the REST interface: answers what it was told to, in that order."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    async def send(self, request, _token):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, RestAnswer) else RestAnswer(answer)


@pytest.fixture
def scripted(tools):
    """Give a workspace whose REST interface answers as told."""
    caller = Caller(
        user_id="0ac3e000-0000-4000-8000-00000000aaaa",
        email="ada@acme.example",
        role="authenticated",
        session_id=None,
        scopes=ALL_SCOPES,
        expires_at=2**40,
        token="token",
    )
    return lambda *answers: Workspace(tools, Script(*answers), lambda _: caller)
