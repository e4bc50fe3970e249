"""Looking names up."""

import pytest

from atoms_mcp.local.rest.catalogue import Catalogue, Column, Relation, Relationship, nearest
from atoms_mcp.local.rest.errors import RestError

TASKS = Relation("tasks", {"title": Column("title", "text")})
CATALOGUE = Catalogue({"tasks": TASKS}, {}, {})


def test_what_there_is_is_found():
    assert CATALOGUE.find_relation("tasks") is TASKS
    assert TASKS.find_column("title").type == "text"


@pytest.mark.parametrize(("name", "is_near"), [("task", True), ("zzz", False), ("", False)])
def test_unknown_relations(name, is_near):
    with pytest.raises(RestError) as refusal:
        CATALOGUE.find_relation(name)

    assert (refusal.value.status, refusal.value.code) == (404, "PGRST205")
    assert (refusal.value.hint is not None) is is_near


@pytest.mark.parametrize(("name", "is_near"), [("titel", True), ("zzz", False)])
def test_unknown_columns(name, is_near):
    with pytest.raises(RestError) as refusal:
        TASKS.find_column(name)

    assert (refusal.value.status, refusal.value.code) == (400, "42703")
    assert (refusal.value.hint is not None) is is_near


def test_only_some_relationships_are_to_one():
    kinds = ("many-to-one", "one-to-one", "one-to-many", "many-to-many")

    ways = [Relationship("a", "b", kind, "k", ()) for kind in kinds]

    assert [way.is_to_one for way in ways] == [True, True, False, False]


def test_a_very_long_name_is_like_no_other():
    assert nearest("x" * 1_000_000, ["tasks"]) is None
