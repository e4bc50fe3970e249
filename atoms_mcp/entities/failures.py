"""What went wrong, in words for whoever called: refusals of the database read, errors written.

Upstream's own words go no further than this file, except those that our schema wrote for people:
they carry a fixed word as `details` and say in `hint` what to do.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from atoms_mcp.entities.catalogue import EntityType
from atoms_mcp.entities.faults import shown
from atoms_mcp.entities.suggest import listed, with_article
from atoms_mcp.entities.text import one_line
from atoms_mcp.errors import ToolError

OWN_WORD = re.compile(r"[a-z]+(_[a-z]+)*")
CONSTRAINT = re.compile(r'constraint "([a-z0-9_]+)"')
NULL_COLUMN = re.compile(r'null value in column "([a-z0-9_]+)"')
BAD_VALUES = frozenset({"22P02", "22007", "22008", "22003", "22001", "22P05", "22021", "22023"})
MAX_CANDIDATES = 5
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400

Kind = Literal["forbidden", "hidden", "duplicate", "reference", "deleted", "invalid", "unknown"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of the database, read.

    ``hidden``: the place is out of the caller's sight, or does not exist. ``unknown``: nothing
    that a caller could mend. `field` is the catalogue's name of what it is about, `text` and
    `fix` are our schema's words, where it had some.
    """

    kind: Kind
    field: str | None = None
    text: str | None = None
    fix: str | None = None


def read_refusal(
    entity: EntityType, code: str | None, message: str, details: str | None, hint: str | None
) -> Refusal:
    """Read the body of a PostgREST error.

    Source: PostgreSQL manual, appendix A; the schema's refusals.
    """
    is_own = bool(details and hint and OWN_WORD.fullmatch(details))
    text = one_line(message, 300) if is_own else None
    fix = one_line(hint or "", 300) if is_own else None
    found = CONSTRAINT.search(message)
    constraint = found[1] if found else ""
    match code:
        case "42501":
            refusal = Refusal("hidden" if details == "no_role" else "forbidden", None, text, fix)
        case "23505":
            refusal = Refusal("duplicate", _field_of(entity, constraint))
        case "23503":
            refusal = Refusal("reference", _field_of(entity, constraint), text, fix)
        case "23502":
            refusal = _null_refusal(entity, message)
        case "23514":
            refusal = _check_refusal(entity, constraint, details, text, fix)
        case _ if code in BAD_VALUES:
            text = text or "a value has a form that cannot be stored"
            refusal = Refusal("invalid", None, text, fix)
        case _:
            refusal = Refusal("unknown")
    return refusal


def _null_refusal(entity: EntityType, message: str) -> Refusal:
    column = NULL_COLUMN.search(message)
    field = entity.by_column(column[1]) if column else None
    return Refusal("invalid", field.name if field else None, "a needed value is missing")


def _check_refusal(
    entity: EntityType, constraint: str, details: str | None, text: str | None, fix: str | None
) -> Refusal:
    if text is not None:
        return Refusal("deleted" if details == "deleted" else "invalid", None, text, fix)
    field = _field_of(entity, constraint)
    words = entity.constraints.get(constraint)
    if words is None and field is not None:
        words = f"{field} has a form that is not allowed"
    return Refusal("invalid", field, words or "the values do not go together")


def _field_of(entity: EntityType, constraint: str) -> str | None:
    """Give the field that a constraint is about, by the column in its name."""
    inner = f"_{constraint.removeprefix(entity.write_to)}_"
    fields = sorted(entity.fields.values(), key=lambda field: -len(field.column))
    for field in fields:
        if f"_{field.column}_" in inner or f"_{field.column.removesuffix('_id')}_" in inner:
            return field.name
    return None


def not_found(
    entity: EntityType, given: str, *, where: str | None = None, field: str | None = None
) -> ToolError:
    """Make the error for what does not exist or is out of sight: the two look the same.

    `where` is the place in which it was looked for, `field` the argument that named it.
    """
    inside = f" in {where}" if where else ""
    about = f"{field}: " if field else ""
    details = {"entity_type": entity.name, "entity_id": given}
    find = "search" if "search" in entity.operations else "list"
    return ToolError(
        "not_found",
        f"{about}there is no {entity.name} {shown(given)}{inside} that you can see.",
        fix=f"check it: {entity.handle_help}; or look for it with operation {find}.",
        details=details | ({"field": field} if field else {}),
    )


def ambiguous(what: str, given: str, candidates: Sequence[Mapping[str, Any]]) -> ToolError:
    """Make the error for a name that several entities have; each candidate has an entity_id."""
    ordered = sorted(candidates, key=lambda candidate: str(candidate["entity_id"]))
    shown_ones = [dict(candidate) for candidate in ordered[:MAX_CANDIDATES]]
    more = " and others" if len(candidates) > MAX_CANDIDATES else ""
    names = listed(str(candidate["entity_id"]) for candidate in shown_ones)
    return ToolError(
        "ambiguous",
        f"{shown(given)} names several {what}: {names}{more}.",
        fix="repeat the call with one of these in its place.",
        details={"candidates": shown_ones},
    )


def wrong_type(entity: EntityType, given: str, actual: str) -> ToolError:
    """Make the error for a name of an entity of another type."""
    return ToolError(
        "invalid_argument",
        f"{shown(given)} is {with_article(actual)}, not {with_article(entity.name)}.",
        fix=f'repeat the call with entity_type "{actual}", or name {with_article(entity.name)}.',
        details={"field": "entity_id", "entity_type": actual},
    )


def forbidden(what: str, access: Mapping[str, Any] | None) -> ToolError:
    """Make the error for what the caller may not do.

    `what` completes "you may not"; `access` is what ``explain_access`` says, where it could be
    asked: the role held, the role needed, who can give it.
    """
    if access and access.get("needed_role") == "self":
        return ToolError(
            "forbidden",
            f"you may not {what}: only the person it is about may.",
            fix="leave it as it is, or ask that person.",
            details={"needed_role": "self"},
        )
    if not access or not access.get("needed_role") or not access.get("your_role"):
        return ToolError(
            "forbidden",
            f"you may not {what}.",
            fix="ask an owner or admin of the organization or project for the right.",
        )
    role, needed = access["your_role"], access["needed_role"]
    scope = access.get("scope") or "project"
    granted_by = [_person(person) for person in access.get("granted_by") or ()]
    details = {"your_role": role, "needed_role": needed, "granted_by": granted_by}
    if needed == "nobody":
        fix = "nobody may do that here; leave it as it is."
    elif granted_by:
        people = "; ".join(_introduced(person) for person in granted_by)
        fix = f"ask for the {scope} role {needed}, which can be given by {people}."
    else:
        fix = f"ask whoever administers the {scope} for the role {needed}."
    return ToolError(
        "forbidden",
        f"you may not {what}: it needs the {scope} role {needed}, yours is {role}.",
        fix=fix,
        details={name: value for name, value in details.items() if value},
    )


def _person(person: Mapping[str, Any]) -> dict[str, str]:
    named = {"name": person.get("display_name"), "email": person.get("email")}
    named["role"] = person.get("role")
    return {name: one_line(str(value), 100) for name, value in named.items() if value}


def _introduced(person: Mapping[str, str]) -> str:
    facts = listed(person[name] for name in ("email", "role") if name in person)
    return f"{person['name']} ({facts})" if "name" in person else facts


def version_conflict(
    handle: str,
    sent: int,
    current: int,
    changes: str,
    details: Mapping[str, Any],
) -> ToolError:
    """Make the error for a change that came too late; `changes` tells what happened meanwhile."""
    since = f" Since then: {changes}." if changes else ""
    return ToolError(
        "conflict",
        f"{handle} is at version {current}, you sent {sent}.{since}",
        fix=f"read {handle}, then repeat with expected_version {current}.",
        details={"current_version": current, **details},
    )


def deleted_conflict(entity: EntityType, handle: str, operation: str, at: str) -> ToolError:
    """Make the error for a change of what is deleted already."""
    if operation == "delete":
        fix = "nothing is left to do; operation restore would bring it back."
        message = f"{handle} was deleted already, at {at}."
    else:
        fix = f"bring it back with operation restore first, then {operation} it."
        message = f"{handle} is deleted, since {at}."
    details = {"entity_type": entity.name, "deleted_at": at}
    return ToolError("conflict", message, fix=fix, details=details)


def alive_conflict(handle: str, version: int | None) -> ToolError:
    """Make the error for the restoring of what is not deleted."""
    details = {"current_version": version} if version is not None else {}
    return ToolError(
        "conflict",
        f"{handle} is not deleted.",
        fix="nothing is left to do.",
        details=details,
    )


def duplicate(
    entity: EntityType, field: str | None, value: object, existing: str | None
) -> ToolError:
    """Make the error for a value that another entity has already."""
    name = field or "a value that has to be unique"
    said = f" {shown(value)}" if value is not None else ""
    holder = f" by {entity.name} {existing}" if existing and existing != value else ""
    details = {"field": field, "existing": existing}
    fix = f"choose another {name}; this one may be taken by something deleted or out of sight."
    if existing:
        fix = f"use or update {entity.name} {existing}, or choose another {name}."
    return ToolError(
        "duplicate",
        f"{name}{said} is taken{holder}.",
        fix=fix,
        details={key: value for key, value in details.items() if value},
    )


def twice_in_batch(field: str, value: object) -> ToolError:
    """Make the error for a value that has to be unique and stands twice in one batch."""
    return ToolError(
        "duplicate",
        f"{field} {shown(value)} is given to several of the items; nothing was created.",
        fix=f"give each item a {field} of its own.",
        details={"field": field},
    )


def bad_reference(refusal: Refusal) -> ToolError:
    """Make the error for a place or entity that a row names and that is not there."""
    name = refusal.field or "an entity that the call names"
    return ToolError(
        "not_found",
        _capped(refusal.text or f"what {name} names is not there, or not in the same project"),
        fix=_capped(refusal.fix or "name one that you can see, in the same project"),
        details={"field": refusal.field} if refusal.field else {},
    )


def invalid(refusal: Refusal) -> ToolError:
    """Make the error for values that the database does not take."""
    return ToolError(
        "invalid_argument",
        _capped(refusal.text or "the values do not go together"),
        fix=_capped(refusal.fix or "see workspace_tool describe for what the type takes"),
        details={"field": f"data.{refusal.field}"} if refusal.field else {},
    )


def _capped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else sentence + "."


def ago(then_s: float, now_s: float) -> str:
    """Say how long ago something was, in one unit."""
    passed = max(0, int(now_s - then_s))
    for unit, seconds in (("d", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if passed >= seconds:
            return f"{passed // seconds} {unit} ago"
    return "just now"


def too_long() -> ToolError:
    """Make the error for names, words or filters that do not fit into one question."""
    return ToolError(
        "limit_exceeded",
        "the filters, names or words of this call are too long to be asked in one go.",
        fix="use fewer or shorter values, and repeat the call for the rest.",
    )
