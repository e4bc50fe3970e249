"""What a client wants to hear of, and how it is told: subscriptions, list changes, updates.

On a `subscriptions/listen` stream every message names the request that opened it, by its id in
the type it came in; the streams of sessions know no such tag.

Source: MCP 2026-07-28 basic/patterns/subscriptions; MCP 2025-11-25 server/resources.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from atoms_mcp.protocol.jsonrpc import INVALID_PARAMS, Id, RpcError
from atoms_mcp.protocol.uri_template import MAX_URI_CHARS

SUBSCRIPTION_ID: Final = "io.modelcontextprotocol/subscriptionId"
MAX_URIS: Final = 100
MAX_TASKS: Final = 100
MAX_TASK_ID_CHARS: Final = 64
# How the filter names the lists, which are otherwise named as capabilities are.
LIST_FIELDS: Final[Mapping[str, str]] = {
    "tools": "toolsListChanged",
    "prompts": "promptsListChanged",
    "resources": "resourcesListChanged",
}
# The first revision whose clients come back for the rest of an answer, if they were given an id.
POLLING: Final = "2025-11-25"
URIS_FIELD: Final = "resourceSubscriptions"
TASKS_FIELD: Final = "taskIds"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is listened for: lists ("tools", "prompts", "resources"), resources and tasks."""

    lists: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    task_ids: tuple[str, ...] = ()

    def render(self) -> dict[str, Any]:
        """Give it as the wire has it; what is not wanted is left out."""
        shown: dict[str, Any] = {LIST_FIELDS[name]: True for name in self.lists}
        if self.uris:
            shown[URIS_FIELD] = list(self.uris)
        if self.task_ids:
            shown[TASKS_FIELD] = list(self.task_ids)
        return shown


def read_filter(params: Mapping[str, Any]) -> Filter:
    """Give what a `subscriptions/listen` wants to hear; kinds that nobody knows are passed over.

    Raises:
        RpcError: -32602.
    """
    wanted = params.get("notifications")
    if type(wanted) is not dict:
        raise RpcError(INVALID_PARAMS, "subscriptions/listen needs notifications, an object")
    lists = []
    for name, member in LIST_FIELDS.items():
        flag = wanted.get(member)
        if flag is not None and type(flag) is not bool:
            raise RpcError(INVALID_PARAMS, f"{member} must be true or false")
        if flag:
            lists.append(name)
    uris = _read_texts(wanted, URIS_FIELD, MAX_URI_CHARS)
    if len(uris) > MAX_URIS:
        raise RpcError(INVALID_PARAMS, f"{URIS_FIELD} may name {MAX_URIS} resources at most")
    task_ids = _read_texts(wanted, TASKS_FIELD, MAX_TASK_ID_CHARS)
    if len(task_ids) > MAX_TASKS:
        raise RpcError(INVALID_PARAMS, f"{TASKS_FIELD} may name {MAX_TASKS} tasks at most")
    return Filter(tuple(lists), uris, task_ids)


def _read_texts(wanted: Mapping[str, Any], field: str, max_chars: int) -> tuple[str, ...]:
    """Give the texts of a list, each once."""
    texts = wanted.get(field)
    if texts is None:
        return ()
    if type(texts) is not list or not all(_is_text(text, max_chars) for text in texts):
        raise RpcError(INVALID_PARAMS, f"{field} must be a list of texts of 1 to {max_chars}")
    return tuple(dict.fromkeys(texts))


def read_uri(params: Mapping[str, Any]) -> str:
    """Give the resource that a `resources/subscribe` or `unsubscribe` names.

    Raises:
        RpcError: -32602.
    """
    uri = params.get("uri")
    if type(uri) is not str or not _is_text(uri, MAX_URI_CHARS):
        raise RpcError(INVALID_PARAMS, "this needs a uri, a string")
    return uri


def _is_text(text: object, max_chars: int) -> bool:
    return type(text) is str and 0 < len(text) <= max_chars


def render_tag(call_id: Id) -> bytes:
    """Give the member that names a listen request, encoded."""
    return b'"_meta":{%b:%b}' % (orjson.dumps(SUBSCRIPTION_ID), orjson.dumps(call_id))


def render_acknowledgement(tag: bytes, honoured: Filter) -> bytes:
    """Give the first message of a listen stream: what of its wishes is honoured."""
    return (
        b'{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged",'
        b'"params":{%b,"notifications":%b}}' % (tag, orjson.dumps(honoured.render()))
    )


def render_list_changed(name: str, tag: bytes = b"") -> bytes:
    """Give the message that one of the lists changed."""
    params = b',"params":{%b}' % tag if tag else b""
    return b'{"jsonrpc":"2.0","method":"notifications/%b/list_changed"%b}' % (name.encode(), params)


def render_updated(uri: str, tag: bytes = b"") -> bytes:
    """Give the message that a resource changed."""
    comma = b"," if tag else b""
    return (
        b'{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{%b%b"uri":%b}}'
        % (tag, comma, orjson.dumps(uri))
    )


def honour(
    wanted: Filter,
    changing: Collection[str],
    uris: Collection[str],
    task_ids: Collection[str] = (),
) -> Filter:
    """Give the part of a filter that can be honoured: lists that may change, what is known."""
    return Filter(
        tuple(name for name in wanted.lists if name in changing),
        tuple(uri for uri in wanted.uris if uri in uris),
        tuple(task_id for task_id in wanted.task_ids if task_id in task_ids),
    )
