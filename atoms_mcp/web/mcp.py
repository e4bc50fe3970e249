"""MCP over Streamable HTTP: one path, POST for every message, GET to listen, DELETE to end.

What a message means is the engine's matter; here are the media types, the sizes and the statuses.

Source: MCP 2026-07-28 and 2025-11-25, basic/transports (Streamable HTTP).
"""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import hdrs, web
from multidict import istr

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.reply import Reply
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.protocol.headers import PROTOCOL_VERSION, SESSION_ID
from atoms_mcp.protocol.jsonrpc import INVALID_REQUEST, RpcError, render_error
from atoms_mcp.protocol.revisions import omits_unknown_id
from atoms_mcp.web.accept import Form, choose_form, takes_events
from atoms_mcp.web.answer import Answer
from atoms_mcp.web.fields import read_body
from atoms_mcp.web.keys import ENGINE, EXCHANGE, Exchange
from atoms_mcp.web.problem import JSON, Problem
from atoms_mcp.web.stream import EVENT_STREAM, EventStream
from atoms_mcp.web.voice import PostVoice

ALLOWED: Final = "POST, GET, DELETE"
LAST_EVENT_ID: Final = istr("Last-Event-ID")
# When there is no room or too much was asked, or because this process is about to stop.
RETRY_AFTER_S: Final = "5"
LATER: Final = frozenset({429, 503})
ONE_JSON: Final[dict[str, str]] = {hdrs.CONTENT_TYPE: JSON}


async def post(request: web.Request) -> web.StreamResponse:
    """Answer one message, or a batch where its revision has them."""
    exchange = request[EXCHANGE]
    form = choose_form(request.headers.get(hdrs.ACCEPT))
    if form is None:
        return _refuse(request, 406, "accept application/json or text/event-stream")
    try:
        # It comes with the head, as a rule: no need to wait, and to set a timer.
        raw = take_json(request, exchange.route.body_limit_bytes) or await read_body(request)
    except Problem as problem:
        return _refuse(request, problem.status, problem.message, problem.headers)
    voice = PostVoice(request)
    try:
        reply = await request.app[ENGINE].answer(raw, make_frame(request, exchange, voice))
        if voice.opening is not None:
            await voice.opening
    except BaseException:
        voice.break_off()
        raise
    exchange.facts = tell(reply)
    return voice.finish(reply.body) if voice.is_open else _render(reply, form)


def _render(reply: Reply, form: Form) -> web.StreamResponse:
    """Give an answer that nothing was said before."""
    if reply.body is None:
        return web.Response(status=reply.status)
    headers = ONE_JSON if reply.session_id is None else {**ONE_JSON, SESSION_ID: reply.session_id}
    if reply.status in LATER:
        headers = {**headers, hdrs.RETRY_AFTER: RETRY_AFTER_S}
    if form == "sse" and reply.status == 200:  # noqa: PLR2004 - the one status that a stream has
        # Encoded JSON has no line ends.
        return Answer(b"event: message\ndata: %b\n\n" % reply.body, headers=headers | EVENT_STREAM)
    return Answer(reply.body, status=reply.status, headers=headers)


async def delete(request: web.Request) -> web.StreamResponse:
    """End a session. Without one there is nothing here that could be deleted."""
    if SESSION_ID not in request.headers:
        return _refuse_method(request)
    frame = make_frame(request, request[EXCHANGE])
    try:
        await request.app[ENGINE].end_session(frame)
    except RpcError as fault:
        return _refuse(request, fault.status or 400, fault.message)
    return web.Response(status=204)


async def get(request: web.Request) -> web.StreamResponse:
    """Let the client of a session listen, or hear the rest of an answer (Last-Event-ID).

    Without a session there is nothing to hear; clients take 405 for that.
    """
    if SESSION_ID not in request.headers:
        return _refuse_method(request)
    if not takes_events(request.headers.get(hdrs.ACCEPT)):
        return _refuse(request, 406, "accept text/event-stream")
    exchange, engine = request[EXCHANGE], request.app[ENGINE]
    caller, after = exchange.caller, request.headers.get(LAST_EVENT_ID)
    assert caller is not None  # noqa: S101 - the route wants a caller
    try:
        session = await engine.find_session(make_frame(request, exchange))
        if after is not None and not engine.listening.streams.knows(session.key, after):
            return _refuse(request, 400, "what follows that event is not kept; listen without it")
        engine.listening.admit(caller)
    except RpcError as fault:
        return _refuse(request, fault.status or 400, fault.message)
    events = EventStream()
    try:
        await events.open(request)
        stream = await engine.listening.stand(session, caller, events, after)
        await events.wait()
        engine.listening.streams.leave(stream, events)
    finally:
        engine.listening.leave(caller)
    return events


def take_json(request: web.Request, limit_bytes: int) -> bytes:
    """Give a JSON body, unparsed, if all of it has come; otherwise nothing.

    Raises:
        Problem: 415.
    """
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if content_type != JSON and content_type.partition(";")[0].strip().lower() != JSON:
        raise Problem(
            415,
            "unsupported_media_type",
            f"The body has to be {JSON}.",
            f"Send the header Content-Type: {JSON}.",
        )
    content = request.content
    if content.is_eof() and content.total_bytes <= limit_bytes:
        return content.read_nowait()
    return b""


def make_frame(request: web.Request, exchange: Exchange, voice: PostVoice | None = None) -> Frame:
    """Give what the engine needs to know of a request besides its body."""
    headers = request.headers
    transport = request.transport
    return Frame(
        exchange.request_id,
        headers,
        exchange.caller,
        can_challenge=True,
        session_id=headers.get(SESSION_ID),
        # aiohttp lets a handler run on when its client has left, which is right for most.
        is_gone=_has_left if transport is None else transport.is_closing,
        voice=voice,
    )


def _has_left() -> bool:
    return True


def tell(reply: Reply) -> dict[str, Any]:
    """Give what was asked, and what came of it, for the request's log line."""
    facts: dict[str, Any] = {
        "rpc_method": reply.rpc_method,
        "tool": reply.tool,
        "error_code": reply.error_code,
    }
    if reply.user_id is not None:
        facts["user_id"] = reply.user_id
    if reply.trace is not None:
        facts["trace"] = reply.trace
    return facts


def _refuse(
    request: web.Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Refuse what the engine never saw.

    Raises:
        Unauthenticated: nobody is known to call; that comes before any other fault.
    """
    exchange = request[EXCHANGE]
    if exchange.caller is None:
        raise Unauthenticated
    exchange.facts["error_code"] = INVALID_REQUEST
    named = request.headers.get(PROTOCOL_VERSION)
    fault = RpcError(INVALID_REQUEST, message)
    body = render_error(fault, None, with_null_id=not omits_unknown_id(named))
    later: dict[str, str] = {hdrs.RETRY_AFTER: RETRY_AFTER_S} if status in LATER else {}
    return web.Response(
        body=body, status=status, headers={**later, **(headers or {}), hdrs.CONTENT_TYPE: JSON}
    )


def _refuse_method(request: web.Request) -> web.Response:
    message = "send messages by POST; streams and deletion are for sessions, and none is named"
    return _refuse(request, 405, message, {hdrs.ALLOW: ALLOWED})
