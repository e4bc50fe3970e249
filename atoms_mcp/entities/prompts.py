"""The prompts as data: what they are called, what they take, what they say.

`load_prompts` reads ``prompts.toml`` beside this file and refuses what contradicts itself.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any

from atoms_mcp.entities.text import clean
from atoms_mcp.errors import ConfigError

MAX_ARGUMENT_CHARS = 20_000
EMBEDS = frozenset({"family", "history"})
REWRITING = "rewriting"
NAMED = frozenset({"document", "requirement"})


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: `names` is the type of entity whose key it is, `words` usual values.

    `otherwise` is what the body says where it was left out.
    """

    name: str
    title: str
    help: str
    is_required: bool = False
    names: str | None = None
    words: tuple[str, ...] = ()
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class PromptText:
    """One prompt. `embeds` is what is embedded besides the pages of its arguments."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    embeds: frozenset[str]
    body: Template

    def fill(self, given: Mapping[str, str]) -> str:
        """Give the body with these arguments in it, as they are: nothing in them is read again."""
        values = {
            argument.name: clean(given.get(argument.name) or "").strip() or argument.otherwise
            for argument in self.arguments
        }
        rewritten = values.get("requirement")
        values[REWRITING] = f"Rewrite the requirement {rewritten} for it." if rewritten else ""
        return self.body.substitute(values)


def load_prompts() -> tuple[PromptText, ...]:
    """Read the built-in prompts, in their order."""
    text = resources.files(__package__).joinpath("prompts.toml").read_text(encoding="utf-8")
    return parse_prompts(text)


def parse_prompts(text: str) -> tuple[PromptText, ...]:
    """Read prompts from TOML.

    Raises:
        ConfigError: with every contradiction found in it.
    """
    tables = tomllib.loads(text)
    shared: dict[str, str] = tables.pop("texts", {})
    prompts = tuple(_prompt(name, table, shared) for name, table in tables.items())
    faults = [fault for prompt in prompts for fault in _faults(prompt)]
    if faults:
        raise ConfigError(faults)
    return prompts


def _prompt(name: str, table: Mapping[str, Any], shared: Mapping[str, str]) -> PromptText:
    return PromptText(
        name=name,
        title=table["title"],
        description=table["description"],
        arguments=tuple(_argument(one) for one in table["arguments"]),
        embeds=frozenset(table.get("embeds", ())),
        # Only our own texts are put in here; what users give comes later, and once.
        body=Template(Template(table["body"]).safe_substitute(shared)),
    )


def _argument(table: Mapping[str, Any]) -> Argument:
    return Argument(
        name=table["name"],
        title=table["title"],
        help=table["help"],
        is_required=table.get("required", False),
        names=table.get("names"),
        words=tuple(table.get("words", ())),
        otherwise=table.get("otherwise", ""),
    )


def _faults(prompt: PromptText) -> Iterator[str]:
    known = {argument.name for argument in prompt.arguments}
    if not prompt.body.is_valid():
        yield f"{prompt.name}.body: a $ stands alone"
        return
    for name in prompt.body.get_identifiers():
        if name not in known | {REWRITING}:
            yield f"{prompt.name}.body: ${name} is not one of its arguments"
    for one in sorted(prompt.embeds - EMBEDS):
        yield f"{prompt.name}.embeds: {one} cannot be embedded"
    for argument in prompt.arguments:
        if argument.names not in {None, *NAMED}:
            yield f"{prompt.name}.{argument.name}: names {argument.names}, which has no page"
