"""The parameters of a request, as a list: only so can one be seen that came twice.

Source: RFC 6749 section 3.1 (also 3.2): none more than once, none without a value.
"""

from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import parse_qsl

from atoms_mcp.oauth.errors import OAuthError

Pairs: TypeAlias = Sequence[tuple[str, str]]

MAX_PAIRS = 64


class Doubled(ValueError):  # noqa: N818 - says what is the case
    """A parameter came more than once."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} came more than once")


def parse_pairs(raw: str | bytes) -> list[tuple[str, str]]:
    """Read a query or the body of a form (`application/x-www-form-urlencoded`).

    Raises:
        OAuthError: invalid_request; not UTF-8, or more parameters than anybody needs.
    """
    try:
        text = raw.decode("ascii") if isinstance(raw, bytes) else raw
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS)
    except ValueError:
        raise OAuthError("invalid_request", "The parameters cannot be read") from None


def get_one(pairs: Pairs, name: str) -> str | None:
    """Give the value of a parameter; one without a value counts as left out.

    Raises:
        Doubled: it came more than once, with whatever values.
    """
    values = [value for key, value in pairs if key == name]
    if len(values) > 1:
        raise Doubled(name)
    return values[0] or None if values else None
