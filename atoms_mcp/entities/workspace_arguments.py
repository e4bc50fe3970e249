"""The arguments of workspace_tool on their way in: older spellings and names."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from atoms_mcp.entities.catalogue import Catalogue
from atoms_mcp.entities.faults import Fault, not_allowed, raise_for, unknown
from atoms_mcp.entities.values import NUL

OPERATIONS = ("get_context", "set_context", "clear_context", "list_workspaces", "describe")
# Where one can work by default, from the widest place to the narrowest.
PLACES = ("organization", "project", "document")
WRITES = frozenset({"set_context", "clear_context"})
ARGUMENTS = ("operation", "entity_id", "entity_type", "limit", "cursor")
TAKES = MappingProxyType(
    {
        "get_context": frozenset[str](),
        "set_context": frozenset({"entity_id", "entity_type"}),
        "clear_context": frozenset[str](),
        "list_workspaces": frozenset({"limit", "cursor"}),
        "describe": frozenset({"entity_id", "entity_type"}),
    }
)
# What the first Atoms server called them; how an answer looks is not for choice here.
RENAMED = MappingProxyType({"context_type": "entity_type"})
DROPPED = frozenset({"format_type", "offset"})


def accept_workspace(catalogue: Catalogue, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the arguments in listed names, checked by name; null counts as absent.

    Raises:
        ToolError: ``invalid_argument`` that names what is unknown, misplaced or missing.
    """
    modern = {
        RENAMED.get(name, name): value
        for name, value in arguments.items()
        if value is not None and name not in DROPPED
    }
    raise_for([*_type_faults(catalogue, modern), *_faults(modern)])
    return modern


def _type_faults(catalogue: Catalogue, modern: Mapping[str, Any]) -> Iterator[Fault]:
    name = modern.get("entity_type")
    # What can be kept as a default is only some of them, and told with the rest about that.
    is_place = modern.get("operation") == "set_context"
    if name is not None and not is_place and name not in tuple(catalogue.types):
        yield not_allowed("entity_type", name, tuple(catalogue.types))


def _faults(modern: Mapping[str, Any]) -> Iterator[Fault]:
    operation = modern.get("operation")
    if operation is None:
        yield Fault("operation is missing", "operation", OPERATIONS)
        return
    if operation not in OPERATIONS:
        yield not_allowed("operation", operation, OPERATIONS)
        return
    taken = {"operation", "limit"} | TAKES[operation]
    for name, value in modern.items():
        if name not in ARGUMENTS:
            yield unknown("argument", name, name, ARGUMENTS)
        elif isinstance(value, str) and NUL in value:
            yield Fault(f"{name} contains a NUL character", name)
        elif name not in taken:
            yield Fault(f"{operation} takes no {name}", name, fix=f"leave {name} out")
    if operation == "set_context":
        yield from _place_faults(modern)


def _place_faults(modern: Mapping[str, Any]) -> Iterator[Fault]:
    if modern.get("entity_type", PLACES[0]) not in PLACES:
        yield not_allowed("entity_type", modern["entity_type"], PLACES)
    if "entity_id" not in modern:
        fix = "name an organization (slug), project or document (key) by entity_id"
        yield Fault("entity_id is missing", "entity_id", fix=fix)
