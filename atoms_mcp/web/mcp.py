"""MCP over Streamable HTTP: one path, POST for every message, DELETE to end a session.

What a message means is the engine's matter; here are the media types, the sizes and the statuses.

Source: MCP 2026-07-28 and 2025-11-25, basic/transports (Streamable HTTP).
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web

from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.reply import Reply
from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.protocol.headers import PROTOCOL_VERSION, SESSION_ID
from atoms_mcp.protocol.jsonrpc import INVALID_REQUEST, RpcError, render_error
from atoms_mcp.protocol.revisions import omits_unknown_id
from atoms_mcp.web.accept import Form, choose_form
from atoms_mcp.web.answer import Answer
from atoms_mcp.web.fields import read_body
from atoms_mcp.web.keys import CALLER, ENGINE, LOG, REQUEST_ID, ROUTE
from atoms_mcp.web.problem import JSON, Problem

ALLOWED: Final = "POST, DELETE"
ONE_JSON: Final[Mapping[str, str]] = {hdrs.CONTENT_TYPE: JSON}
ONE_EVENT: Final[Mapping[str, str]] = {
    hdrs.CONTENT_TYPE: "text/event-stream",
    hdrs.CACHE_CONTROL: "no-cache",
    "X-Accel-Buffering": "no",
}


async def post(request: web.Request) -> web.StreamResponse:
    """Answer one message, or a batch where its revision has them."""
    form = choose_form(request.headers.get(hdrs.ACCEPT))
    if form is None:
        return _refuse(request, 406, "accept application/json or text/event-stream")
    try:
        raw = await read_json(request)
    except Problem as problem:
        return _refuse(request, problem.status, problem.message, problem.headers)
    reply = await request.app[ENGINE].answer(raw, make_frame(request))
    note(request, reply)
    return _respond(reply, form)


async def delete(request: web.Request) -> web.StreamResponse:
    """End a session. Without one there is nothing here that could be deleted."""
    if SESSION_ID not in request.headers:
        return _refuse_method(request)
    try:
        await request.app[ENGINE].end_session(make_frame(request))
    except RpcError as fault:
        return _refuse(request, fault.status or 400, fault.message)
    return web.Response(status=204)


async def get(request: web.Request) -> web.StreamResponse:
    """Refuse: there is no standing stream; clients take 405 for that."""
    return _refuse_method(request)


async def read_json(request: web.Request) -> bytes:
    """Give a JSON body, unparsed.

    Raises:
        Problem: 415, 413, 408.
    """
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if content_type != JSON and content_type.partition(";")[0].strip().lower() != JSON:
        raise Problem(
            415,
            "unsupported_media_type",
            f"The body has to be {JSON}.",
            f"Send the header Content-Type: {JSON}.",
        )
    length = request.content_length
    if (
        request.content.is_eof()
        and length is not None
        and length <= request[ROUTE].body_limit_bytes
    ):
        return request.content.read_nowait()  # it came with the head: no need to set a timer
    return await read_body(request)


def make_frame(request: web.Request) -> Frame:
    """Give what the engine needs to know of a request besides its body."""
    headers = request.headers
    transport = request.transport
    return Frame(
        request_id=request[REQUEST_ID],
        headers=headers,
        caller=request.get(CALLER),
        can_challenge=True,
        session_id=headers.get(SESSION_ID),
        # aiohttp lets a handler run on when its client has left, which is right for most.
        is_gone=None if transport is None else transport.is_closing,
    )


def note(request: web.Request, reply: Reply) -> None:
    """Put what was asked, and what came of it, on the request's log line."""
    line = request[LOG]
    line["rpc_method"] = reply.rpc_method
    line["tool"] = reply.tool
    line["error_code"] = reply.error_code
    if reply.user_id is not None:
        line["user_id"] = reply.user_id


def _respond(reply: Reply, form: Form) -> web.StreamResponse:
    body = reply.body
    if body is None:
        return web.Response(status=reply.status)
    headers = ONE_JSON
    if form == "sse" and reply.status == 200:  # noqa: PLR2004 - the one status that a stream has
        headers = ONE_EVENT
        body = b"event: message\ndata: %b\n\n" % body  # encoded JSON has no line ends
    if reply.session_id is not None:
        headers = {**headers, SESSION_ID: reply.session_id}
    return Answer(body, status=reply.status, headers=headers)


def _refuse(
    request: web.Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Refuse what the engine never saw.

    Raises:
        Unauthenticated: nobody is known to call; that comes before any other fault.
    """
    if CALLER not in request:
        raise Unauthenticated
    request[LOG]["error_code"] = INVALID_REQUEST
    named = request.headers.get(PROTOCOL_VERSION)
    fault = RpcError(INVALID_REQUEST, message)
    body = render_error(fault, None, with_null_id=not omits_unknown_id(named))
    return web.Response(
        body=body, status=status, headers={**(headers or {}), hdrs.CONTENT_TYPE: JSON}
    )


def _refuse_method(request: web.Request) -> web.Response:
    message = "send messages by POST; there is no stream to open here"
    return _refuse(request, 405, message, {hdrs.ALLOW: ALLOWED})
