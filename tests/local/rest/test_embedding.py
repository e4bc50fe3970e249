"""Rows within rows, over REST on a real PostgreSQL."""

import pytest

ONE = "00000000-0000-4000-8000-000000000001"


async def test_to_one_is_an_object_or_null(rest):
    reply = await rest.get("tasks?select=title,orgs(name)&order=id")

    assert [row["orgs"] for row in reply.rows] == [
        {"name": "Acme"},
        {"name": "Acme"},
        {"name": "Umbrella"},
        None,
    ]


async def test_to_many_is_an_array(rest):
    reply = await rest.get("orgs?select=name,tasks(title)&order=id&tasks.order=title.desc")

    assert reply.rows == [
        {"name": "Acme", "tasks": [{"title": "two words"}, {"title": "one"}]},
        {"name": "Umbrella", "tasks": [{"title": "three"}]},
        {"name": "Empty", "tasks": []},
    ]


async def test_one_to_one_is_an_object(rest):
    reply = await rest.get("tasks?select=title,details(body)&order=id&limit=2")

    assert [row["details"] for row in reply.rows] == [{"body": "long text"}, None]


async def test_aliases_stars_and_nesting(rest):
    reply = await rest.get("orgs?select=id,work:tasks(*,is:orgs(o:name))&id=eq.2&work.limit=1")

    assert reply.rows[0]["work"][0]["is"] == {"o": "Umbrella"}
    assert reply.rows[0]["work"][0]["title"] == "three"


async def test_inner_leaves_out_parents_without_rows(rest):
    reply = await rest.get(
        "orgs?select=name,tasks!inner(title)&tasks.points=gte.1&order=id",
        prefer="count=exact",
    )

    assert reply.column("name") == ["Acme"]
    assert reply.range == "0-0/1"


async def test_inner_to_one(rest):
    reply = await rest.get(
        "tasks?select=title,orgs!inner(name)&orgs.name=eq.Umbrella", prefer="count=exact"
    )

    assert (reply.column("title"), reply.range) == (["three"], "0-0/1")


async def test_filters_order_and_pages_of_an_embed(rest):
    reply = await rest.get(
        "orgs?select=name,t:tasks(title)&id=eq.1&t.or=(points.eq.1,points.eq.2)"
        "&t.order=points.desc&t.limit=1&t.offset=1"
    )

    assert reply.rows == [{"name": "Acme", "t": [{"title": "one"}]}]


async def test_the_targets_name_filters_too_where_there_is_an_alias(rest):
    reply = await rest.get("orgs?select=t:tasks(title)&id=eq.1&tasks.points=eq.2")

    assert reply.rows == [{"t": [{"title": "two words"}]}]


async def test_presence_of_an_embed_filters(rest):
    without = await rest.get("orgs?select=name,tasks()&tasks=is.null", prefer="count=exact")
    having = await rest.get("orgs?select=name,tasks()&tasks=not.is.null&order=id")
    either = await rest.get("orgs?select=name,tasks()&or=(tasks.not_null.x,id.eq.3)")
    tree = await rest.get("orgs?select=name,tasks()&or=(tasks.is.null,id.eq.1)&order=id")

    assert (without.rows, without.range) == ([{"name": "Empty"}], "0-0/1")
    assert having.column("name") == ["Acme", "Umbrella"]
    assert either.code == "PGRST100"
    assert tree.column("name") == ["Acme", "Empty"]


async def test_other_filters_on_an_embed_are_refused(rest):
    reply = await rest.get("orgs?select=name,tasks()&tasks=eq.1")

    assert (reply.status, reply.code) == (400, "PGRST120")


async def test_the_order_of_a_related_row(rest):
    reply = await rest.get("tasks?select=title,orgs(name)&order=orgs(name).desc.nullslast,title")

    assert reply.column("title") == ["three", "one", "two words", "four"]


@pytest.mark.parametrize("order", ["tasks(title)", "nope(title)", "tasks(nope)"])
async def test_impossible_related_orders(rest, order):
    reply = await rest.get(f"orgs?select=name,tasks(title)&order={order}")

    assert reply.code in {"PGRST118", "PGRST108"}


async def test_several_keys_to_one_table_are_ambiguous(rest):
    reply = await rest.get("tasks?select=title,people(name)")

    assert (reply.status, reply.code) == (300, "PGRST201")
    assert "people!tasks_author_fkey" in reply.rows["hint"]
    assert {row["cardinality"] for row in reply.rows["details"]} == {"many-to-one"}


@pytest.mark.parametrize(
    "target",
    [
        "people!tasks_author_fkey(name)",
        "people!author_id(name)",
        "people:tasks_author_fkey(name)",
        "people:author_id(name)",
        "people!tasks_author_fkey!inner(name)",
        "people!inner!author_id(name)",
    ],
)
async def test_a_hint_or_the_key_itself_decides(rest, target):
    reply = await rest.get(f"tasks?select=title,{target}&id=eq.{ONE}")

    assert reply.rows == [{"title": "one", "people": {"name": "Pat"}}]


async def test_no_relationship(rest):
    reply = await rest.get("orgs?select=name,secrets(*)")

    assert (reply.status, reply.code) == (400, "PGRST200")
    assert "'orgs' and 'secrets'" in reply.rows["message"]


async def test_a_junction_joins_many_to_many(rest):
    reply = await rest.get("orgs?select=name,people(name)&people.order=name.desc&order=id")

    assert reply.rows[0]["people"] == [{"name": "Quinn"}, {"name": "Pat"}]
    assert reply.rows[2]["people"] == []


async def test_a_table_that_refers_to_itself(rest):
    down = await rest.get("tree?select=name,tree(name)&id=eq.1&tree.order=id")
    up = await rest.get("tree?select=name,parent(name)&id=eq.2")
    hinted = await rest.get("tree?select=name,kids:tree!parent(name)&id=eq.1&kids.order=id")

    assert down.rows[0]["tree"] == [{"name": "left"}, {"name": "right"}]
    assert up.rows == [{"name": "left", "parent": {"name": "root"}}]
    assert hinted.rows[0]["kids"] == [{"name": "left"}, {"name": "right"}]


async def test_views_have_the_keys_of_their_tables(rest):
    up = await rest.get(f"task_overview?select=title,orgs(name)&id=eq.{ONE}")
    down = await rest.get("orgs?select=name,task_overview(title)&id=eq.2")

    assert up.rows == [{"title": "one", "orgs": {"name": "Acme"}}]
    assert down.rows == [{"name": "Umbrella", "task_overview": [{"title": "three"}]}]


async def test_a_to_one_row_can_be_spread(rest):
    reply = await rest.get(f"tasks?select=title,...orgs(org:name)&id=eq.{ONE}")

    assert reply.rows == [{"title": "one", "org": "Acme"}]


async def test_a_to_many_one_cannot(rest):
    reply = await rest.get("orgs?select=...tasks(title)")

    assert (reply.status, reply.code) == (400, "PGRST127")


async def test_parameters_of_what_is_not_embedded_are_refused(rest):
    for params in (
        "tasks.points=eq.1",
        "tasks.order=id",
        "tasks.limit=1",
        "tasks.or=(id.eq.1)",
    ):
        reply = await rest.get(f"orgs?select=name&{params}")
        assert (reply.status, reply.code) == (400, "PGRST108"), params


async def test_row_level_security_holds_in_embeds(rest):
    reply = await rest.as_role("anon").get("orgs?select=name,tasks(title)")

    assert (reply.status, reply.code) == (401, "42501")
