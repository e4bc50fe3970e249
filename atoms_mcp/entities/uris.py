"""URIs of what can be read as a resource: ``atoms://acme/VEH-REQ-12``, as data with ``.json``.

Each thing has one spelling (the slug in small letters, the key in capitals), so that whoever
listens for changes of a URI hears of every one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

TEXT_TEMPLATE = "atoms://{org}/{key}"
JSON_SUFFIX = ".json"
JSON_TEMPLATE = TEXT_TEMPLATE + JSON_SUFFIX
TEXT_TYPE = "text/markdown"
JSON_TYPE = "application/json"
SPELLING = re.compile(
    r"atoms://(?P<org>[a-z][a-z0-9-]{1,62})/"
    r"(?P<key>(?P<project>[A-Z][A-Z0-9]{1,9})(?:-(?P<kind>DOC|REQ)-[1-9][0-9]{0,11})?)"
    r"(?P<suffix>\.json)?",
)
KINDS = MappingProxyType({None: "project", "DOC": "document", "REQ": "requirement"})
# What a write reads back besides, to name what it changed.
IN_PROJECT = "projects(key,organizations(slug))"
IN_DOCUMENT = f"documents(key),{IN_PROJECT}"
PLACES = MappingProxyType(
    {
        "project": "organizations(slug)",
        "document": IN_PROJECT,
        "requirement": IN_DOCUMENT,
        "block": IN_DOCUMENT,
    }
)
# By what the places of many rows are looked up.
HOLDERS = MappingProxyType(
    {
        "project": "organization_id",
        "document": "project_id",
        "requirement": "document_id",
        "block": "document_id",
    }
)
# Stands for the organization itself, in the place of a key.
WHOLE = "*"
WHOLE_SPELLING = re.compile(r"atoms://(?P<org>[a-z][a-z0-9-]{1,62})/\*")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Address:
    """What a URI names: a project, document or requirement (`type`) by its organization and key."""

    org: str
    key: str
    project: str
    type: str
    is_json: bool


def parse_uri(uri: str) -> Address | None:
    """Read a URI; None where it is not the one spelling of anything."""
    found = SPELLING.fullmatch(uri)
    if found is None:
        return None
    return Address(
        found["org"], found["key"], found["project"], KINDS[found["kind"]], bool(found["suffix"])
    )


def render_uri(org: str, key: str, *, is_json: bool = False) -> str:
    """Give the URI of what has this key in an organization."""
    return f"atoms://{org}/{key}{JSON_SUFFIX if is_json else ''}"


def render_whole(org: str) -> str:
    """Give the URI of an organization itself.

    It is listed nowhere, and its members can read it: they hear of what is gone from it.
    """
    return render_uri(org, WHOLE)


def parse_whole(uri: str) -> str | None:
    """Give the organization that `render_whole` named; None for any other URI."""
    found = WHOLE_SPELLING.fullmatch(uri)
    return None if found is None else found["org"]


def with_org(uri: str, org: str) -> str:
    """Give the URI of the same key in an organization that is called otherwise now."""
    return f"atoms://{org}/{uri.rpartition('/')[2]}"


def org_of(row: Row) -> str | None:
    """Give the organization of a row that was read with `PLACES`; None where it is out of sight."""
    project = row.get("projects") or row
    organization = project.get("organizations") or {}
    org: str | None = organization.get("slug")
    return org


def uri_of(row: Row) -> str | None:
    """Give the URI of a row that was read with `PLACES`; None for what has none."""
    org, key = org_of(row), row.get("key")
    return render_uri(org, key) if org and key else None


def touched_uris(entity: str, operation: str, row: Row) -> Iterator[str]:
    """Give the URIs of what reads differently after `operation` changed `row`.

    A document shows what stands in it, a project its documents and how many requirements it has.
    """
    org = org_of(row)
    if org is None:
        return
    keys = [] if operation == "create" else [row.get("key")]
    keys.append((row.get("documents") or {}).get("key"))
    if entity == "document" or (entity == "requirement" and operation != "update"):
        keys.append((row.get("projects") or {}).get("key"))
    for key in filter(None, keys):
        yield render_uri(org, key)
        yield render_uri(org, key, is_json=True)
