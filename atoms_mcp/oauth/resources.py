"""Which of our resources a `resource` parameter means.

Source: RFC 8707 section 2; MCP 2026-07-28 authorization, canonical server URI.
"""

from collections.abc import Collection, Sequence

MAX_RESOURCE_BYTES = 2048
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def find_resource(asked: Sequence[str], ours: Collection[str], default: str) -> str | None:
    """Give the one resource that is asked for, as we spell it; None if that is not ours.

    `asked` are all values that came. None at all means `default`; several would be one token
    for several audiences, which does not exist here.
    """
    if not asked:
        return default
    if len(asked) > 1 or len(asked[0]) > MAX_RESOURCE_BYTES:
        return None
    wanted = _normal(asked[0])
    for resource in ours:
        if _normal(resource) == wanted:
            return resource
    return None


def _normal(resource: str) -> str | None:
    """Give one spelling for all that mean the same: scheme and host are not case-sensitive.

    One slash at the end and the port that goes without saying are tolerated.
    """
    scheme, found, rest = resource.partition("://")
    if not found or "#" in rest:
        return None
    scheme = scheme.lower()
    netloc, slash, path = rest.partition("/")
    netloc = netloc.lower().removesuffix(DEFAULT_PORTS.get(scheme, ":"))
    return f"{scheme}://{netloc}{slash}{path}".removesuffix("/")
