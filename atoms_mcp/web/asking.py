"""What a page of consent says of whom it is about; the texts of strangers are made fit for it."""

from typing import Any

from atoms_mcp.oauth.clients import Client
from atoms_mcp.oauth.redirects import is_loopback_redirect, is_private_redirect, redirect_host
from atoms_mcp.web.label import render_label
from atoms_mcp.web.texts import Texts

# The longest name that DNS has, with a port.
MAX_HOST_CHARS = 260


def render_client(client: Client, texts: Texts) -> dict[str, Any]:
    """Give name, and who vouches for it: as a `tag` with a `tone`, and as the sentence `vouched`.

    A document proves whose site it is from, and no more: anybody with a site can choose a name.
    """
    known: dict[str, Any] = {"tag": texts("client.unverified"), "tone": "warn", "vouched": None}
    if client.host is not None:
        tag = texts("client.document", host=render_host(client.host))
        known = {"tag": tag, "tone": "", "vouched": texts("consent.document")}
    elif client.is_verified:
        tag = texts("client.verified")
        known = {"tag": tag, "tone": "good", "vouched": texts("consent.configured")}
    return {
        "name": render_label(client.name) or texts("client.nameless"),
        "is_verified": client.is_verified,
        **known,
    }


def render_target(redirect_uri: str) -> dict[str, str]:
    """Give `host` of where the answer goes, and its `kind`: "web", "loopback" or "private"."""
    kind = "web"
    if is_loopback_redirect(redirect_uri):
        kind = "loopback"
    elif is_private_redirect(redirect_uri):
        kind = "private"
    return {"host": render_host(redirect_host(redirect_uri)), "kind": kind}


def render_host(host: str) -> str:
    """Give a host whole: its end says whose it is, so nothing of it is cut off."""
    return render_label(host, limit=MAX_HOST_CHARS)
