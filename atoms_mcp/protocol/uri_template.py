"""The part of URI templates that resources need: variables between fixed text.

``{name}`` stands for one segment, ``{+name}`` for anything.

Source: RFC 6570 sections 3.2.2 and 3.2.3; RFC 3986 section 2.1.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

MAX_URI_CHARS: Final = 2048
_EXPRESSION = re.compile(r"\{(\+?)([A-Za-z_][A-Za-z0-9_]*)\}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


class UriTemplate:
    """One template, ready to be matched."""

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            ValueError: it is no URI, a variable comes twice, or it has other expressions.
        """
        fixed = _EXPRESSION.split(text)[::3]
        if any("{" in part or "}" in part for part in fixed):
            raise ValueError(f"{text} has an expression other than {{name}} and {{+name}}")
        if not _SCHEME.match(text):
            raise ValueError(f"{text} does not begin with a scheme")
        self.variables = tuple(name for _, name in _EXPRESSION.findall(text))
        if len(set(self.variables)) != len(self.variables):
            raise ValueError(f"{text} names a variable twice")
        self._text = text
        self._pattern = re.compile(_to_pattern(text))

    def match(self, uri: str) -> dict[str, str] | None:
        """Give the values of the variables, decoded; None where the URI has another form."""
        found = self._pattern.fullmatch(uri) if len(uri) <= MAX_URI_CHARS else None
        return None if found is None else {k: unquote(v) for k, v in found.groupdict().items()}

    def expand(self, values: Mapping[str, str]) -> str:
        """Give the URI of these values."""

        def put(found: re.Match[str]) -> str:
            return quote(values[found[2]], safe=":/?#[]@!$&'()*+,;=" if found[1] else "")

        return _EXPRESSION.sub(put, self._text)


def is_uri(text: str) -> bool:
    """Tell whether a text begins as a URI does, and is not too long for one."""
    return bool(_SCHEME.match(text)) and len(text) <= MAX_URI_CHARS


def _to_pattern(text: str) -> str:
    pattern, end = "", 0
    for found in _EXPRESSION.finditer(text):
        inner = ".+" if found[1] else "[^/?#]+"
        pattern += f"{re.escape(text[end : found.start()])}(?P<{found[2]}>{inner})"
        end = found.end()
    return pattern + re.escape(text[end:])
