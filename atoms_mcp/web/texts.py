"""Every text of the pages: `texts.toml`, read once.

A text may name facts in braces, `"Sign in to {name}"`; they are put in as plain text, and the
template escapes the whole.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


class Texts:
    """The texts by their dotted names."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._by_name = dict(_flatten("", tree))

    def __call__(self, name: str, /, **facts: object) -> str:
        """Give a text with its facts put in.

        Raises:
            KeyError: there is no such text, or it names a fact that was not given.
        """
        return self._by_name[name].format_map(facts)

    def names(self) -> frozenset[str]:
        """Give the names of all texts."""
        return frozenset(self._by_name)


def load_texts() -> Texts:
    """Read the texts."""
    source = files("atoms_mcp.web").joinpath("texts.toml").read_text(encoding="utf-8")
    return Texts(tomllib.loads(source))


def _flatten(prefix: str, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += _flatten(f"{name}.", value)
        else:
            found.append((name, value))
    return found
