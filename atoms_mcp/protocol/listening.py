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
# How the filter names the lists, which are otherwise named as capabilities are.
LIST_FIELDS: Final[Mapping[str, str]] = {
    "tools": "toolsListChanged",
    "prompts": "promptsListChanged",
    "resources": "resourcesListChanged",
}
# The first revision whose clients come back for the rest of an answer, if they were given an id.
POLLING: Final = "2025-11-25"
URIS_FIELD: Final = "resourceSubscriptions"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is listened for: lists ("tools", "prompts", "resources") and single resources."""

    lists: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()

    def render(self) -> dict[str, Any]:
        """Give it as the wire has it; what is not wanted is left out."""
        shown: dict[str, Any] = {LIST_FIELDS[name]: True for name in self.lists}
        if self.uris:
            shown[URIS_FIELD] = list(self.uris)
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
    uris = wanted.get(URIS_FIELD)
    if uris is None:
        uris = []
    if type(uris) is not list or not all(_is_uri(uri) for uri in uris):
        raise RpcError(INVALID_PARAMS, f"{URIS_FIELD} must be a list of URIs")
    found = tuple(dict.fromkeys(uris))
    if len(found) > MAX_URIS:
        raise RpcError(INVALID_PARAMS, f"{URIS_FIELD} may name {MAX_URIS} resources at most")
    return Filter(tuple(lists), found)


def read_uri(params: Mapping[str, Any]) -> str:
    """Give the resource that a `resources/subscribe` or `unsubscribe` names.

    Raises:
        RpcError: -32602.
    """
    uri = params.get("uri")
    if type(uri) is not str or not _is_uri(uri):
        raise RpcError(INVALID_PARAMS, "this needs a uri, a string")
    return uri


def _is_uri(uri: object) -> bool:
    return type(uri) is str and 0 < len(uri) <= MAX_URI_CHARS


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


def honour(wanted: Filter, changing: Collection[str], uris: Collection[str]) -> Filter:
    """Give the part of a filter that can be honoured: lists that may change, known `uris`."""
    return Filter(
        tuple(name for name in wanted.lists if name in changing),
        tuple(uri for uri in wanted.uris if uri in uris),
    )
