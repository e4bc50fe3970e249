"""Reading the catalogue, from a real PostgreSQL."""

import pytest

from atoms_mcp.local.rest.introspect import load_catalogue


@pytest.fixture
async def catalogue(rest_pool):
    async with rest_pool.acquire() as connection:
        return await load_catalogue(connection)


def test_tables_and_views_of_the_exposed_schema_only(catalogue):
    assert {"tasks", "orgs", 'odd "table', "task_overview"} <= set(catalogue.relations)
    assert not {"users", "sessions", "pg_class"} & set(catalogue.relations)


def test_columns_have_types_that_mean_the_same_everywhere(catalogue):
    columns = catalogue.relations["tasks"].columns

    assert columns["mood"].type == "public.mood"
    assert columns["code"].type == "character varying"
    assert (columns["tags"].type, columns["tags"].is_array) == ("text[]", True)
    assert columns["due"].type == "timestamp with time zone"


def test_defaults_are_those_that_an_insert_would_use(catalogue):
    tasks = catalogue.relations["tasks"].columns

    assert tasks["points"].default == "3"
    assert tasks["title"].default is None
    assert tasks["search"].default is None
    assert catalogue.relations["orgs"].columns["id"].default.startswith("nextval(")
    assert catalogue.relations["defaults"].columns["id"].default is None


def test_keys(catalogue):
    assert catalogue.relations["org_people"].primary_key == ("org_id", "person_id")
    assert catalogue.relations['odd "table'].primary_key == ("my.col",)
    assert catalogue.relations["task_overview"].primary_key == ("id",)


def test_what_can_be_written(catalogue):
    view = catalogue.relations["task_overview"]

    assert catalogue.relations["tasks"].is_insertable
    assert not (view.is_insertable)
    assert not (view.is_updatable)
    assert not (view.is_deletable)


def test_a_view_gets_the_keys_of_the_columns_it_shows(catalogue):
    ways = {(way.target, way.constraint) for way in catalogue.relationships["task_overview"]}

    assert ("orgs", "tasks_org_fkey") in ways
    assert ("people", "tasks_author_fkey") in ways


def test_one_to_one_is_told_from_many_to_one(catalogue):
    kinds = {way.target: way.cardinality for way in catalogue.relationships["details"]}

    assert kinds["tasks"] == "one-to-one"


def test_functions(catalogue):
    (add,) = catalogue.functions["add"]
    (pairs,) = catalogue.functions["pairs"]
    (tasks,) = catalogue.functions["my_tasks"]
    (total,) = catalogue.functions["total"]
    (out,) = catalogue.functions["only_out"]
    (whole,) = catalogue.functions["whole"]
    (nothing,) = catalogue.functions["finish"]

    assert [(p.name, p.type, p.has_default) for p in add.parameters] == [
        ("a", "integer", False),
        ("b", "integer", True),
    ]
    assert (add.shape, add.is_set, add.volatility) == ("scalar", False, "i")
    assert (pairs.shape, pairs.is_set, list(pairs.columns)) == ("composite", True, ["n", "label"])
    assert (tasks.relation, tasks.is_set) == ("tasks", True)
    assert total.parameters[0].is_variadic
    assert (out.shape, list(out.columns)) == ("composite", ["doubled"])
    assert whole.parameters[0].name == ""
    assert nothing.shape == "void"
    assert len(catalogue.functions["overloaded"]) == 2


async def test_functions_of_odd_kinds(owner, rest_pool):
    await owner.execute(
        "create function anything() returns record language sql as $$ select 1, 2 $$;"
        "create function no_api() returns trigger language plpgsql as $$ begin end $$;"
    )
    try:
        async with rest_pool.acquire() as connection:
            catalogue = await load_catalogue(connection)
    finally:
        await owner.execute("drop function anything(), no_api()")

    assert catalogue.functions["anything"][0].shape == "composite"
    assert "no_api" not in catalogue.functions


async def test_odd_views(owner, rest_pool):
    await owner.execute(
        "create view odd_view as select id as \"an id \\\", name || 'x' as made,"
        '  ctid as "a(b{" from orgs;'
        "create table keyed (a int unique, b int);"
        "create view mixed as select id from orgs union select id from people;"
        "create view nested as select q.org, c.n from (select org_id as org from tasks) q,"
        "  lateral (select count(*) as n from tasks t where t.org_id = q.org) c;"
        "create view outside as select id, email from auth.users;"
        "create materialized view kept as select id, name from orgs;"
    )
    try:
        async with rest_pool.acquire() as connection:
            catalogue = await load_catalogue(connection)
    finally:
        await owner.execute(
            "drop view odd_view, mixed, nested, outside; drop materialized view kept;"
            "drop table keyed"
        )

    assert catalogue.relations["odd_view"].primary_key == ("an id \\",)
    assert catalogue.relations["mixed"].primary_key == ()
    assert list(catalogue.relations["odd_view"].columns) == ["an id \\", "made", "a(b{"]
    assert catalogue.relations["outside"].primary_key == ()
    assert "mixed" not in catalogue.relationships
    assert {way.pairs for way in catalogue.relationships["nested"] if way.target == "orgs"} == {
        (("org", "id"),)
    }
    assert catalogue.relations["keyed"].primary_key == ()
    assert catalogue.relations["kept"].primary_key == ("id",)


async def test_an_empty_schema(owner, rest_pool):
    await owner.execute("alter schema public rename to aside; create schema public")
    try:
        async with rest_pool.acquire() as connection:
            catalogue = await load_catalogue(connection)
    finally:
        await owner.execute("drop schema public; alter schema aside rename to public")

    assert not catalogue.relations
    assert not catalogue.functions
    assert "english" in catalogue.languages
