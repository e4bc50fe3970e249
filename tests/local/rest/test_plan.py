"""Requests that meet the catalogue."""

import pytest

from atoms_mcp.local.rest.catalogue import Catalogue, Column, ForeignKey, Relation
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Window
from atoms_mcp.local.rest.plan import Check, EmbedCheck, Group, Place, plan_read, plan_tests
from atoms_mcp.local.rest.query import parse_query
from atoms_mcp.local.rest.relations import build_relationships
from atoms_mcp.local.rest.terms import JsonStep


def columns(**types):
    return {name: Column(name, kind, kind.endswith("[]")) for name, kind in types.items()}


RELATIONS = {
    "orgs": Relation("orgs", columns(id="integer", name="text")),
    "tasks": Relation(
        "tasks", columns(id="uuid", org_id="integer", title="text", data="jsonb", tags="text[]")
    ),
}
KEYS = [ForeignKey("tasks_org", "tasks", "orgs", (("org_id", "id"),))]
CATALOGUE = Catalogue(RELATIONS, build_relationships(KEYS, RELATIONS, {}), {})
WHOLE = Window(0, None)


def plan(name, query, **more):
    relation = CATALOGUE.find_relation(name)
    return plan_read(CATALOGUE, relation, parse_query(query), window=WHOLE, **more)


def refusal(name, query):
    with pytest.raises(RestError) as refused:
        plan(name, query)
    return refused.value.code


def test_the_type_of_a_place_is_that_of_what_is_found_there():
    into = Place("data", "jsonb", path=(JsonStep("a", is_text=False),))
    text = Place("data", "jsonb", path=(JsonStep("a", is_text=True),))

    assert [place.value_type for place in (Place("n", "int"), into, text)] == [
        "int",
        "jsonb",
        "text",
    ]


def test_names_of_outputs():
    outputs = plan("tasks", "select=*,title,x:title,data->a->>b,data->0,title::text").outputs

    assert [output.name for output in outputs] == [None, None, "x", "b", "data", None]
    assert outputs[0].place is None
    assert outputs[-1].cast == "text"


def test_conditions():
    where = plan("tasks", "title=eq.a&or=(title.eq.b,not.and(id.is.null))").where

    assert isinstance(where[0], Check)
    assert isinstance(where[1], Group)
    assert where[1].terms[1].is_negated


def test_presence_of_embeds():
    where = plan("orgs", "select=tasks(id)&tasks=is.null&tasks=not.is.null&tasks=is.not_null").where

    assert [test.is_present for test in where] == [False, True, True]
    assert all(isinstance(test, EmbedCheck) for test in where)


def test_every_level_is_capped():
    read = plan("orgs", "select=tasks(id)&tasks.limit=5000&limit=3", max_rows=10)

    assert read.window.limit == 10
    assert read.embeds[0].read.window.limit == 10
    assert plan("orgs", "select=tasks(id)&tasks.limit=3").embeds[0].read.window.limit == 3


def test_an_embed_without_items_is_hidden():
    assert plan("orgs", "select=id,tasks()").embeds[0].is_hidden


def test_an_alias_may_be_filtered_by_its_targets_name():
    by_target = plan("orgs", "select=t:tasks(id)&tasks.title=eq.x")
    by_alias = plan("orgs", "select=t:tasks(id)&t.title=eq.x")
    other = plan("orgs", "select=t:tasks(id),tasks(id)&tasks.title=eq.x")

    assert len(by_target.embeds[0].read.where) == 1
    assert len(by_alias.embeds[0].read.where) == 1
    assert [len(embed.read.where) for embed in other.embeds] == [0, 1]


@pytest.mark.parametrize(
    ("name", "query", "code"),
    [
        ("tasks", "select=nope", "42703"),
        ("tasks", "select=*->a", "PGRST100"),
        ("tasks", "nope=eq.1", "42703"),
        ("tasks", "order=nope", "42703"),
        ("tasks", "select=title::klingon", "42704"),
        ("tasks", "select=nope(id)", "PGRST200"),
        ("tasks", "nope.title=eq.1", "PGRST108"),
        ("tasks", "select=orgs(id)&orgs.nope.x=eq.1", "PGRST108"),
        ("orgs", "select=tasks(id)&tasks=eq.1", "PGRST120"),
        ("orgs", "select=tasks(id)&tasks=is.true", "PGRST120"),
        ("orgs", "select=tasks(id)&order=tasks(id)", "PGRST118"),
        ("orgs", "order=tasks(id)", "PGRST108"),
        ("orgs", "select=...tasks(id)", "PGRST127"),
        ("orgs", "select=tasks(id)&tasks.limit=-1", "PGRST103"),
        ("tasks", f"select={'é' * 40}:title", "PGRST100"),
        ("tasks", f"select={'x' * 64}:orgs(id)", "PGRST100"),
    ],
)
def test_what_cannot_be_planned(name, query, code):
    assert refusal(name, query) == code


def test_a_column_with_the_name_of_an_embed_is_still_a_column():
    read = plan("tasks", "select=org_id(name),title&org_id=eq.5")

    assert isinstance(read.where[0], Check)


def test_writes_know_columns_only():
    conditions = parse_query("title=eq.a").root.conditions
    unknown = parse_query("tasks=is.null").root.conditions

    assert len(plan_tests(RELATIONS["tasks"], conditions)) == 1
    with pytest.raises(RestError):
        plan_tests(RELATIONS["orgs"], unknown)
