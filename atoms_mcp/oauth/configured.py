"""Clients that the operator wrote down, so that they need not register.

    [[client]]
    client_id = "dashboard"
    client_name = "Our dashboard"
    redirect_uris = ["https://dashboard.example.com/callback"]
    client_secret = "..."  # left out: a public client

Source: TOML 1.0; RFC 6749 section 2.
"""

import re
import tomllib
from collections.abc import Collection
from typing import Any

from atoms_mcp.errors import ConfigError
from atoms_mcp.oauth.clients import Client, clean_name, digest_secret
from atoms_mcp.oauth.redirects import check_redirect_uri

# URL-safe, so that every client sends it alike in a header and in a form.
CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,256}")
SECRET = re.compile(r"[\x21-\x7e]{16,512}")
MEMBERS = ("client_id", "client_name", "redirect_uris", "client_secret", "scope")


def parse_clients(text: str, schemes: Collection[str]) -> dict[str, Client]:
    """Give the clients of a configuration file by their id.

    Raises:
        ConfigError: with every fault found. No secret is in it.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"is not TOML: {exc}"]) from None
    tables = told.pop("client", [])
    if told or not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ConfigError(["has to hold tables named [[client]] and nothing else"])
    clients: dict[str, Client] = {}
    faults: list[str] = []
    for number, table in enumerate(tables, start=1):
        found = _find_faults(table, schemes)
        faults += [f"client {number}: {fault}" for fault in found]
        if found:
            continue
        client = _make(table)
        if client.client_id in clients:
            faults.append(f"client {number}: client_id {client.client_id} is there twice")
        clients[client.client_id] = client
    if faults:
        raise ConfigError(faults)
    return clients


def _find_faults(table: dict[str, Any], schemes: Collection[str]) -> list[str]:
    faults = [f"{name} is not a member" for name in table if name not in MEMBERS]
    client_id, name = table.get("client_id"), table.get("client_name")
    secret, scope = table.get("client_secret"), table.get("scope", "")
    if not isinstance(client_id, str) or not CLIENT_ID.fullmatch(client_id):
        faults.append(
            "client_id has to be 1 to 256 letters, digits, dots, dashes, underscores or tildes"
        )
    if not isinstance(name, str) or not clean_name(name):
        faults.append("client_name has to be text")
    if secret is not None and not (isinstance(secret, str) and SECRET.fullmatch(secret)):
        faults.append("client_secret has to be 16 to 512 printable characters without spaces")
    if not isinstance(scope, str):
        faults.append("scope has to be text")
    return faults + _find_redirect_faults(table.get("redirect_uris"), schemes)


def _find_redirect_faults(uris: object, schemes: Collection[str]) -> list[str]:
    if not isinstance(uris, list) or not uris or not all(isinstance(uri, str) for uri in uris):
        return ["redirect_uris has to be a list of URIs"]
    faults = []
    for uri in uris:
        try:
            check_redirect_uri(uri, schemes)
        except ValueError as exc:
            faults.append(f"redirect URI {uri} {exc}")
    return faults


def _make(table: dict[str, Any]) -> Client:
    secret = table.get("client_secret")
    return Client(
        client_id=table["client_id"],
        name=clean_name(table["client_name"]),
        redirect_uris=tuple(table["redirect_uris"]),
        auth_method="none" if secret is None else "client_secret_basic",
        origin="configured",
        secret_digest=None if secret is None else digest_secret(secret),
        scope=table.get("scope") or None,
    )
