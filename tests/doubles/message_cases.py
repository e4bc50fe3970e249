"""Messages of which nothing, a little or all is wrong, and what has to come of each.

ATOMS_FUZZ_CASES is how many of them each test tries; by default they are few.
"""

import copy
import json
import os

from engine_double import ALL, CAPABILITIES_KEY, META, MODERN, told
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Message, Prompt, PromptArgument
from atoms_mcp.engine.offer.resource import Page, Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.protocol import content
from atoms_mcp.protocol.jsonrpc import RpcError, find_id, read
from atoms_mcp.protocol.revisions import handshake, stateless

CASES = int(os.environ.get("ATOMS_FUZZ_CASES", "200"))
MANY = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
STATIC = "test://static"
ITEM = "test://acme/1"
METHODS = sorted({*stateless.METHODS, *handshake.METHODS})
NOTICES = [
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/roots/list_changed",
]
CODES = {-32700, -32600, -32601, -32602, -32020, -32021, -32022, -32002}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
IDS = st.integers(-5, 5) | st.text(max_size=3)
NAMES = st.sampled_from(
    ["say", "whoami", "fail", "routed", "tell", "confirm", "explain", "nothing"]
)
URIS = st.sampled_from([STATIC, ITEM, "test://", "test://%2e%2e/x", "file:///etc/passwd", "x"])
DECLARED = st.sampled_from(
    [{}, {"elicitation": {}}, {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}]
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "name": NAMES,
        "arguments": st.dictionaries(
            st.sampled_from(["text", "tone", "region", "topic"]), st.text(max_size=4) | JSON
        ),
        "uri": URIS,
        "cursor": st.text(max_size=9),
        "level": st.sampled_from(["debug", "error"]),
        "ref": st.sampled_from(
            [
                {"type": "ref/prompt", "name": "explain"},
                {"type": "ref/resource", "uri": "test://{org}/{key}"},
            ]
        ),
        "argument": st.fixed_dictionaries(
            {"name": st.sampled_from(["topic", "key"]), "value": st.text(max_size=3)}
        ),
        "context": st.just({"arguments": {"org": "acme"}}),
        "notifications": st.fixed_dictionaries(
            {}, optional={"toolsListChanged": st.booleans(), "resourceSubscriptions": JSON}
        ),
        "protocolVersion": st.sampled_from(ALL),
        "capabilities": DECLARED,
        "requestId": IDS,
        "requestState": st.text(max_size=9),
        "inputResponses": st.dictionaries(st.sampled_from(["sure", "x"]), JSON, max_size=2),
        "taskId": st.text(max_size=9),
    },
)
EXTRA_META = st.fixed_dictionaries(
    {},
    optional={
        "progressToken": IDS,
        "io.modelcontextprotocol/logLevel": st.sampled_from(["debug", "error"]),
        "io.modelcontextprotocol/clientInfo": st.just({"name": "t", "version": "1"}),
        "traceparent": st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    },
)
VALUES = st.sampled_from([*ALL, "1900-01-01", "", "tools/call", "say", "=?base64?c2F5?="])
HEADER_NAMES = st.sampled_from(
    ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Session-Id", "Mcp-Param-Region"]
)


async def tell(context, arguments):
    await context.progress(1, 2, "half")
    await context.log("warning", {"seen": sorted(arguments)})
    return {"ok": True}


async def confirm(context, _arguments):
    answer = await context.elicit("sure", "Sure?", {"type": "object", "properties": {}})
    answers = await context.ask({"where": InputRequest.roots()})
    return {"action": answer.action, "found": len(answers)}


async def read_static(_context):
    return [content.text_contents(STATIC, "hello")]


async def read_item(_context, uri, variables):
    return [content.text_contents(uri, str(sorted(variables)))]


async def list_items(_context, cursor):
    return Page([{"uri": ITEM, "name": "1"}], None if cursor else "more")


async def complete(_context, value, others):
    return [value, *others]


async def render(_context, arguments):
    return [Message(str(sorted(arguments)))]


def _tool(name, handler):
    return Tool(name, f"To {name}.", handler, {"type": "object"}, annotations={})


OFFER = Offer(
    tools=(_tool("tell", tell), _tool("confirm", confirm)),
    resources=(Resource(STATIC, "static", read_static),),
    templates=(
        ResourceTemplate(
            "test://{org}/{key}", "item", read_item, list=list_items, complete={"key": complete}
        ),
    ),
    prompts=(
        Prompt("explain", "Explains.", render, (PromptArgument("topic", complete=complete),)),
    ),
    changing=("tools",),
)


def replace_somewhere(draw, message):
    """Put anything in the place of a member of the envelope, or leave it out."""
    places = [(message, key) for key in (*message, "result", "error", "extra")]
    params = message.get("params")
    if isinstance(params, dict):
        places += [(params, key) for key in (*params, "extra")]
        meta = params.get("_meta")
        if isinstance(meta, dict):
            places += [(meta, key) for key in (*meta, "extra")]
    where, key = draw(st.sampled_from(places))
    if draw(st.booleans()):
        where[key] = draw(JSON)
    else:
        where.pop(key, None)


@st.composite
def messages(draw, revision):
    """A message of a revision, of which nothing, a little or all is wrong."""
    params = draw(PARAMS)
    method = draw(st.sampled_from([*METHODS, "initialize", *NOTICES, "no/such"]))
    meta = draw(EXTRA_META)
    if revision == MODERN:
        meta = {**META, CAPABILITIES_KEY: draw(DECLARED), **meta}
    if meta or draw(st.booleans()):
        params["_meta"] = meta
    message = {"jsonrpc": "2.0", "id": draw(IDS), "method": method, "params": params}
    message = copy.deepcopy(message)
    for _ in range(draw(st.integers(0, 2))):
        replace_somewhere(draw, message)
    return message


@st.composite
def cases(draw):
    """A revision, a message or a batch, and what was done to its headers."""
    revision = draw(st.sampled_from(ALL))
    one = messages(revision)
    body = draw(one | st.lists(one, max_size=4) if revision == "2025-03-26" else one)
    changes = draw(st.lists(st.tuples(HEADER_NAMES, st.none() | VALUES), max_size=2))
    return revision, body, changes


def mirror(body):
    """Give the headers that say what a modern message says."""
    params = body.get("params") if isinstance(body, dict) else None
    method = body.get("method") if isinstance(body, dict) else None
    headers = [("MCP-Protocol-Version", MODERN)]
    if isinstance(method, str):
        headers.append(("Mcp-Method", method))
        name = params.get(stateless.NAMED.get(method)) if isinstance(params, dict) else None
        if isinstance(name, str):
            headers.append(("Mcp-Name", name))
    return headers


def change(headers, changes):
    """Leave headers out (None), or add one more of the name."""
    for name, value in changes:
        if value is None:
            headers = [pair for pair in headers if pair[0] != name]
        else:
            headers = [*headers, (name, value)]
    return headers


def encode(body):
    """Encode anything, integers of any size too."""
    return json.dumps(body).encode()


def find_owed(message):
    """Give a list of the one id that a message has to be answered with; empty for no answer."""
    try:
        call = read(message)
    except RpcError:
        return [keyed(find_id(message))]
    return [] if call is None or call.id is None else [keyed(call.id)]


def keyed(call_id):
    """Give an id as what it is: the number 1 and the text "1" are two."""
    return type(call_id).__name__, call_id


def is_odd_opening(message):
    """Tell whether this opens a session without wanting to know: refused, or let be."""
    return (
        isinstance(message, dict) and message.get("method") == "initialize" and "id" not in message
    )


def assert_answered(body, reply):
    """Check that each request has one answer, and that nothing else has any but a refusal."""
    assert reply.status in {200, 202, 400, 404}
    answers = [] if reply.body is None else told(reply)
    is_batch = isinstance(answers, list)
    for answer in answers if is_batch else [answers]:
        assert answer["jsonrpc"] == "2.0"
        assert ("result" in answer) != ("error" in answer)
        assert "result" in answer or answer["error"]["code"] in CODES
    if is_batch:
        assert (reply.status == 202) == (reply.body is None)
        each = body if isinstance(body, list) else [body]
        owed = [one for message in each for one in find_owed(message)]
        told_ids = [keyed(answer.get("id")) for answer in answers]
        if any(is_odd_opening(message) for message in each):
            owed, told_ids = (
                [one for one in ids if one[1] is not None] for ids in (owed, told_ids)
            )
        assert told_ids == owed
    elif isinstance(body, list) or not find_owed(body):
        assert reply.status in {400, 404}  # refused as a whole, before anything was done
        assert "error" in answers
    else:
        assert [keyed(answers.get("id"))] == find_owed(body)
