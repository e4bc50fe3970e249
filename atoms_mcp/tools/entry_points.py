"""What other packages add to the server: entry points of the group `atoms_mcp.tools`.

Each one is a tool, resource, template or prompt, a list of them, or a function without arguments
that gives such a list. They run in this process, with the rights of the user who calls; so to
install a package is to trust it.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Final

from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.prompt import Prompt
from atoms_mcp.engine.offer.registration import find_faults
from atoms_mcp.engine.offer.resource import Resource, ResourceTemplate
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.errors import ConfigError

GROUP: Final = "atoms_mcp.tools"
KINDS: Final[Mapping[type, Callable[[Any], Offer]]] = MappingProxyType(
    {
        Tool: lambda tool: Offer(tools=(tool,)),
        Resource: lambda resource: Offer(resources=(resource,)),
        ResourceTemplate: lambda template: Offer(templates=(template,)),
        Prompt: lambda prompt: Offer(prompts=(prompt,)),
    }
)


def load_offers() -> Offer:
    """Give all that installed packages offer, in the order of the entry points' names.

    Raises:
        ConfigError: one of them cannot be loaded, or is something else.
    """
    offer, faults = Offer(), []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value)):
        try:
            offer += gather(entry.load())
        except Exception as exc:  # noqa: BLE001 - whatever another package does, its name is told
            faults.append(f"entry point {entry.name} ({entry.value}): {exc}")
    if faults:
        raise ConfigError(faults)
    return offer


def check_offer(offer: Offer) -> None:
    """Refuse what clients are known to choke on.

    Raises:
        ConfigError: all that is wrong, each with its name and the rule.
    """
    faults = find_faults(offer)
    if faults:
        raise ConfigError(faults)


def gather(found: object) -> Offer:
    """Give as one offer whatever an entry point may be.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(found, Offer):
        return found
    for kind, wrap in KINDS.items():
        if isinstance(found, kind):
            return wrap(found)
    if callable(found):
        return gather(found())
    if isinstance(found, list | tuple):
        return sum((gather(one) for one in found), Offer())
    raise TypeError(
        f"{type(found).__name__} is neither a Tool, Resource, ResourceTemplate or Prompt, "
        "nor a list of them, nor a function that gives one"
    )
