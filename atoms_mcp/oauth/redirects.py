"""Where a client may be sent back to, and whether a request asks for such a place.

https anywhere, http on this machine only, private-use schemes of installed apps if they are on
the operator's list or a reversed domain name. Everything is compared as text, save the port of
a loopback address, which an app cannot choose beforehand.

Deviation: MCP allows https and localhost alone; editors in use come back by schemes of their own.

Source: RFC 6749 section 3.1.2, RFC 8252 sections 7.1 and 7.3, RFC 9700 section 4.1;
MCP 2026-07-28 authorization.
"""

import re
from collections.abc import Collection, Iterable

MAX_URI_BYTES = 2048
# What RFC 3986 has, and a percent sign only before two digits. No fragment: "#" is not in it.
URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
# A reversed domain name: labels with dots between them.
DOMAIN_SCHEME = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+")
HOST_AND_PORT = re.compile(
    r"(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::(?P<port>.*))?",
    re.IGNORECASE,
)
PATH_OR_QUERY = re.compile(r"[/?]")
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
LOOPBACK = re.compile(
    r"http://(?P<host>localhost|127\.0\.0\.1|\[::1\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<rest>(?:[/?].*)?)"
)
MAX_PORT = 65535
# Never, whatever the operator's list says: a browser acts on these itself.
FORBIDDEN = frozenset(
    ("javascript", "data", "file", "vbscript", "about", "blob", "filesystem", "view-source")
)


def check_redirect_uri(uri: str, schemes: Collection[str]) -> None:
    """Refuse what no client may register; `schemes` are the private-use ones on the list.

    Raises:
        ValueError: what is wrong with it, to be put behind the URI.
    """
    if not uri or len(uri) > MAX_URI_BYTES:
        raise ValueError(f"has to have 1 to {MAX_URI_BYTES} characters")
    if "#" in uri:
        raise ValueError("must have no fragment")
    if not URI.fullmatch(uri):
        raise ValueError("has characters that no URI has")
    scheme, colon, _ = uri.partition(":")
    if not colon or not SCHEME.fullmatch(scheme):
        raise ValueError("has to be absolute, with its scheme in small letters")
    if scheme in {"http", "https"}:
        _check_web(uri, scheme)
    elif scheme in FORBIDDEN or not (scheme in schemes or DOMAIN_SCHEME.fullmatch(scheme)):
        raise ValueError(f"must not have the scheme {scheme}")
    elif "@" in _authority(uri):
        raise ValueError("must have no user name")


def _check_web(uri: str, scheme: str) -> None:
    authority = _authority(uri)
    if "@" in authority:
        raise ValueError("must have no user name")
    parts = HOST_AND_PORT.fullmatch(authority)
    if parts is None or not _is_port(parts["port"]):
        raise ValueError("has no host or a port that is none")
    if scheme == "http" and parts["host"] not in LOOPBACK_HOSTS:
        raise ValueError("must be https, or http on localhost, 127.0.0.1 or [::1]")


def find_redirect_uri(registered: Iterable[str], asked: str) -> bool:
    """Tell whether `asked` is one of the registered redirect URIs."""
    return any(is_same_redirect(uri, asked) for uri in registered)


def is_same_redirect(registered: str, asked: str) -> bool:
    """Tell whether `asked` is `registered`: letter by letter, but for the port of loopback.

    localhost and 127.0.0.1 stay two hosts.
    """
    if registered == asked:
        return True
    own, other = LOOPBACK.fullmatch(registered), LOOPBACK.fullmatch(asked)
    if own is None or other is None or not _is_port(other["port"]):
        return False
    return own["host"] == other["host"] and own["rest"] == other["rest"]


def is_loopback_redirect(uri: str) -> bool:
    """Tell whether `uri` leads to a program on the user's own machine, over the network."""
    return LOOPBACK.fullmatch(uri) is not None


def is_private_redirect(uri: str) -> bool:
    """Tell whether `uri` leads to an installed app, by a scheme of its own."""
    return not uri.startswith(("https://", "http://"))


def redirect_host(uri: str) -> str:
    """Give what a person should see of a redirect URI: its host, or the scheme of an app."""
    scheme = uri.partition(":")[0]
    authority = _authority(uri)
    if is_private_redirect(uri):
        return f"{scheme}://{authority}" if authority else f"{scheme}:"
    # The port of loopback is chance, any other one belongs to the name.
    loopback = LOOPBACK.fullmatch(uri)
    return authority if loopback is None else loopback["host"]


def _authority(uri: str) -> str:
    """Give what stands between "//" and the path; nothing where there is no "//"."""
    rest = uri.partition(":")[2]
    return PATH_OR_QUERY.split(rest[2:], maxsplit=1)[0] if rest.startswith("//") else ""


def _is_port(port: str | None) -> bool:
    return port is None or (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= MAX_PORT)
