"""SQL text of planned reads; what it finds is judged in test_rest_read.py."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.local.rest.catalogue import Catalogue, Column, ForeignKey, Relation
from atoms_mcp.local.rest.errors import RestError
from atoms_mcp.local.rest.headers import Form, Window
from atoms_mcp.local.rest.plan import plan_read
from atoms_mcp.local.rest.query import parse_query
from atoms_mcp.local.rest.relations import build_relationships
from atoms_mcp.local.rest.sql import (
    Bindings,
    Statement,
    quote_literal,
    quote_name,
    render_body,
    render_level,
)

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TASKS = Relation(
    "tasks",
    {
        name: Column(name, kind, kind.endswith("[]"))
        for name, kind in (
            ("id", "uuid"),
            ("org_id", "integer"),
            ("title", "text"),
            ("data", "jsonb"),
            ("tags", "text[]"),
            ("search", "tsvector"),
        )
    },
)
ORGS = Relation("orgs", {"id": Column("id", "integer"), "name": Column("name", "text")})
RELATIONS = {"tasks": TASKS, "orgs": ORGS}
KEYS = [ForeignKey("tasks_org", "tasks", "orgs", (("org_id", "id"),))]
CATALOGUE = Catalogue(RELATIONS, build_relationships(KEYS, RELATIONS, {}), {})


def render(query, relation=TASKS):
    bindings = Bindings(languages=frozenset({"english"}))
    read = plan_read(CATALOGUE, relation, parse_query(query), window=Window(0, None))
    return render_level(read, bindings).render(), bindings.values


@pytest.mark.parametrize(
    ("query", "text", "values"),
    [
        ("", 'SELECT r1.* FROM "public"."tasks" AS r1', []),
        (
            "select=id&title=eq.a",
            'SELECT r1."id" AS "id" FROM "public"."tasks" AS r1 WHERE r1."title" = $1::text',
            ["a"],
        ),
        (
            "select=id&org_id=not.in.(1,2)",
            (
                'SELECT r1."id" AS "id" FROM "public"."tasks" AS r1 '
                'WHERE NOT (r1."org_id" = ANY (($1::text[])::integer[]))'
            ),
            [["1", "2"]],
        ),
        (
            "select=data->a->>0::int&order=title.desc.nullslast",
            (
                'SELECT CAST((r1."data"->$1::text->>$2::int) AS int) AS "a" '
                'FROM "public"."tasks" AS r1 ORDER BY r1."title" DESC NULLS LAST'
            ),
            ["a", 0],
        ),
        (
            "select=id&search=fts(english).a",
            (
                'SELECT r1."id" AS "id" FROM "public"."tasks" AS r1 '
                'WHERE r1."search" @@ to_tsquery(E\'"english"\'::regconfig, $1::text)'
            ),
            ["a"],
        ),
    ],
)
def test_shapes(query, text, values):
    assert render(query) == (text, values)


@given(TEXT)
def test_the_text_depends_on_the_shape_alone(value):
    wanted = f"select=id&title=eq.{quote(value, safe='')}&data->>k=gt.{quote(value, safe='')}"

    text, values = render(wanted)

    assert text == render("select=id&title=eq.x&data->>k=gt.y")[0]
    assert values == [value, "k", value]


@given(TEXT)
def test_nothing_gets_out_of_a_quoted_name(name):
    quoted = quote_name(name)

    assert re.fullmatch(r'"(?:[^"]|"")*"', quoted, re.DOTALL)
    assert quoted[1:-1].replace('""', '"') == name


@given(TEXT)
def test_nothing_gets_out_of_a_quoted_constant(text):
    assert re.fullmatch(r"E'(?:[^'\\]|''|\\\\)*'", quote_literal(text), re.DOTALL)


async def test_postgres_reads_names_and_constants_as_they_were(owner):
    for text in ("plain", "it's", 'q"q', "back\\slash", "\\'; select 1; --", "✓ \n", "$$", "E'"):
        row = await owner.fetchrow(f"select {quote_literal(text)} as {quote_name(text)}")
        assert dict(row) == {text: text}


def test_unknown_languages_are_refused():
    with pytest.raises(RestError, match="klingon"):
        render("search=fts(klingon).x")


def test_embeds_are_joined_laterally():
    text, _ = render("select=title,orgs!inner(name)")

    assert "JOIN LATERAL (SELECT row_to_json(pgrst_row) AS j" in text
    assert 'WHERE r3."id" = r1."org_id"' in text
    assert 'r2.j AS "orgs"' in text


def test_only_deciding_embeds_are_counted():
    def counted(query):
        read = plan_read(CATALOGUE, ORGS, parse_query(query), window=Window(0, None))
        return render_level(read, Bindings()).render_count()

    assert "JOIN" not in counted("select=name,tasks(id)")
    assert "JOIN" in counted("select=name,tasks!inner(id)")
    assert "JOIN" in counted("select=name,tasks(id)&or=(tasks.is.null,and(id.eq.1))")


@pytest.mark.parametrize(
    ("form", "is_scalar", "text"),
    [
        (Form("array", ""), False, "coalesce(json_agg(pgrst_row), '[]')::text"),
        (Form("object", ""), False, "coalesce(json_agg(pgrst_row) -> 0, 'null')::text"),
        (
            Form("array", "", is_stripped=True),
            False,
            "coalesce(json_strip_nulls(json_agg(pgrst_row)), '[]')::text",
        ),
        (Form("array", ""), True, "coalesce(json_agg(pgrst_row.\"pgrst_scalar\"), '[]')::text"),
    ],
)
def test_bodies(form, is_scalar, text):
    assert render_body(form, is_scalar=is_scalar) == text


def test_values_do_not_show_in_a_statements_text():
    assert "hush" not in repr(Statement("select $1", ("hush",)))
