"""Reading over REST, on a real PostgreSQL."""

import pytest

from atoms_mcp.local.rest.api import RestApi

ONE = "00000000-0000-4000-8000-000000000001"

HOSTILE = [
    "plain",
    "it's",
    'say "hi"',
    "a,b",
    "(paren)",
    "back\\slash",
    'all "of, it\\(now)"',
    "100%",
    "under_score",
    "star*",
    "new\nline",
    "tab\t",
    " padded ",
    "ünïcødé ✓ 𝄞",
    "null",
    "eq.null",
    "{a,b}",
    "not.eq.x",
    "a.b:c",
    "'; drop table tasks; --",
    "$1",
    "E'\\x'",
    "+plus&amp=1#frag",
    "",
]


def inside(value):
    """Quote a value as a client does inside `in`, `or` and `and`."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.fixture
async def hostile(rest, owner):
    await owner.executemany(
        "insert into people (id, name) values ($1, $2)",
        [(100 + at, value) for at, value in enumerate(HOSTILE)],
    )
    return rest


async def test_all_visible_rows_come_back_and_no_others(rest):
    reply = await rest.get("tasks?select=title&order=title")

    assert (reply.status, reply.range) == (200, "0-3/*")
    assert reply.column("title") == ["four", "one", "three", "two words"]
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("value", HOSTILE)
async def test_a_plain_filter_takes_its_value_as_it_stands(hostile, value):
    reply = await hostile.get("people?select=name", params={"name": f"eq.{value}"})

    assert reply.column("name") == [value]


@pytest.mark.parametrize("value", HOSTILE)
async def test_quoted_values_survive_lists(hostile, value):
    listed = f"in.({inside(value)},{inside('no such')})"

    reply = await hostile.get("people?select=name", params={"name": listed})

    assert reply.column("name") == [value]


@pytest.mark.parametrize("value", HOSTILE)
async def test_quoted_values_survive_nested_trees(hostile, value):
    tree = f"(name.eq.no,and(name.eq.{inside(value)},or(id.gt.99,id.lt.0)))"

    reply = await hostile.get("people?select=name", params={"or": tree})

    assert reply.column("name") == [value]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("points=eq.1", ["one"]),
        ("points=neq.1", ["two words", "four"]),
        ("points=gt.2", ["four"]),
        ("points=gte.2", ["two words", "four"]),
        ("points=lt.2", ["one"]),
        ("points=lte.2", ["one", "two words"]),
        ("points=not.eq.1", ["two words", "four"]),
        ("points=is.null", ["three"]),
        ("points=IS.NULL".replace("IS", "is"), ["three"]),
        ("points=is.not_null", ["one", "two words", "four"]),
        ("points=not.is.null", ["one", "two words", "four"]),
        ("done=is.true", ["two words"]),
        ("done=is.false", ["one", "three", "four"]),
        ("done=is.unknown", []),
        ("points=isdistinct.1", ["two words", "three", "four"]),
        ("points=not.isdistinct.1", ["one"]),
        ("title=like.t*", ["two words", "three"]),
        ("title=like.t%25", ["two words", "three"]),
        ("title=ilike.*O*", ["one", "two words", "four"]),
        ("title=not.like.t*", ["one", "four"]),
        ("title=match.^t.*e$", ["three"]),
        ("title=imatch.^T", ["two words", "three"]),
        ("title=in.(one,four)", ["one", "four"]),
        ("title=not.in.(one,four)", ["two words", "three"]),
        ("title=in.()", []),
        ("points=in.(1,4)", ["one", "four"]),
        ("points=not.in.()", ["one", "two words", "three", "four"]),
        ("tags=cs.{a}", ["one"]),
        ('tags=cs.{"c,d"}', ["two words"]),
        ("tags=cd.{a,b,x}", ["one", "three", "four"]),
        ("tags=ov.{a,zz}", ["one"]),
        ("tags=eq.{a,b}", ["one"]),
        ('tags=in.("{a,b}","{}")', ["one", "three", "four"]),
        ("tags=in.()", []),
        ('data=cs.{"n":5}', ["one"]),
        ("data->>n=eq.5", ["one"]),
        ("data->n=eq.5", ["one"]),
        ("data->n=gt.4", ["one"]),
        ("data->a->>b=eq.deep", ["one"]),
        ("data->list->>1=eq.20", ["one"]),
        ("data->list->>-1=eq.20", ["one"]),
        ("data->0=eq.1", ["four"]),
        ("tags->>0=eq.b", ["two words"]),
        ("span=sl.[5,6)", ["one"]),
        ("span=sr.[1,5)", ["two words"]),
        ("span=nxr.[0,6)", ["one"]),
        ("span=nxl.[2,9)", ["two words"]),
        ("span=adj.[9,10)", ["two words"]),
        ("span=ov.[4,6)", ["one", "two words"]),
        ("mood=eq.bad", ["two words"]),
        ("mood=in.(bad,ok)", ["one", "two words"]),
        ("big=eq.9007199254740993", ["one"]),
        ("due=gte.2026-01-02T03:04:05%2B00:00", ["one"]),
        ("search=fts.words", ["two words"]),
        ("search=fts(english).word", ["two words"]),
        ("search=plfts.two words", ["two words"]),
        ("search=phfts(english).two words", ["two words"]),
        ("search=wfts.words or three", ["two words", "three"]),
        ("search=not.fts.words", ["one", "three", "four"]),
        ("title=wfts(simple).two -x", ["two words"]),
        ("title=fts.words", ["two words"]),
        ("data=fts.deep", ["one"]),
        ("points=eq(any).{1,4}", ["one", "four"]),
        ("points=gt(all).{1,3}", ["four"]),
        ("title=like(any).{o*,f*}", ["one", "four"]),
        ("title=ilike(all).{*O*,*R*}", ["two words", "four"]),
        ("title=match(any).{^o,^f}", ["one", "four"]),
        ("title=not.eq(any).{one,four}", ["two words", "three"]),
        ("points=gte.1&points=lt.4", ["one", "two words"]),
        ("or=(points.eq.1,title.eq.four)", ["one", "four"]),
        ("not.or=(points.eq.1,title.eq.four)", ["two words"]),
        ("and=(points.gte.1,points.lt.4)", ["one", "two words"]),
        ("and=(or(points.eq.1,points.is.null),not.and(title.eq.one,done.is.false))", ["three"]),
        ('or=(title.in.(one,"two words"),tags.cs.{a,b})', ["one", "two words"]),
        ('or=(tags.cs."{\\"c,d\\"}",points.eq.4)', ["two words", "four"]),
        ("or=(data->>n.eq.5,data->a->>b.is.null)", ["one", "two words", "three", "four"]),
        ("or=(title.fts(english).three,title.not.like.*o*)", ["three"]),
    ],
)
async def test_operators_find_what_they_should(rest, wanted, found):
    reply = await rest.get(f"tasks?select=title&order=id&{wanted}")

    assert reply.status == 200, reply.text
    assert reply.column("title") == found


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ("points=eq.abc", 400, "22P02"),
        ("id=eq.x", 400, "22P02"),
        ("due=gt.yesterday-ish", 400, "22007"),
        ("mood=eq.sad", 400, "22P02"),
        ("points=like.1", 404, "42883"),
        ("points=eq.", 400, "22P02"),
        ("title=match.(", 400, "2201B"),
        ("title=is.null&points=is.true", 400, "42804"),
        ("search=fts(klingon).x", 400, "42704"),
        ("nope=eq.1", 400, "42703"),
        ("or=(nope.eq.1)", 400, "42703"),
        ("order=nope", 400, "42703"),
        ("select=nope", 400, "42703"),
        ("select=title::klingon", 400, "42704"),
        ("select=title::text;drop table tasks", 400, "PGRST100"),
        ("points=foo.1", 400, "PGRST100"),
        ("points=1", 400, "PGRST100"),
        ("title=in.one", 400, "PGRST100"),
        ("select=points.sum()", 400, "PGRST123"),
        ("select=count()", 400, "PGRST123"),
        ("limit=-1", 416, "PGRST103"),
        ("title=eq.%00", 400, "22021"),
        ("title=eq.%ff", 400, "PGRST100"),
        ("offset=9&select=title", 200, None),
    ],
)
async def test_what_cannot_be_done_is_refused_as_the_real_one_does(rest, wanted, status, code):
    reply = await rest.get(f"tasks?{wanted}")

    assert reply.status == status, reply.text
    if code is not None:
        assert reply.code == code
        assert set(reply.rows) == {"code", "message", "details", "hint"}
        assert reply.headers["Proxy-Status"] == f"PostgREST; error={code}"


async def test_an_unknown_column_comes_with_the_nearest_name(rest):
    reply = await rest.get("tasks?titel=eq.x")

    assert reply.rows["message"] == "column tasks.titel does not exist"
    assert reply.rows["hint"] == 'Perhaps you meant to reference the column "tasks.title".'


async def test_an_unknown_table_comes_with_the_nearest_name(rest):
    reply = await rest.get("task")

    assert (reply.status, reply.code) == (404, "PGRST205")
    assert reply.rows["hint"] == "Perhaps you meant the table 'public.tasks'"


@pytest.mark.parametrize(
    ("select", "row"),
    [
        ("title,points", {"title": "one", "points": 1}),
        ("name:title", {"name": "one"}),
        ("points::text", {"points": "1"}),
        ("p:points::text", {"p": "1"}),
        ("data->n", {"n": 5}),
        ("data->>n", {"n": "5"}),
        ("data->a->b", {"b": "deep"}),
        ("x:data->a->>b", {"x": "deep"}),
        ("data->list->0", {"list": 10}),
        ("data->list->>1", {"list": "20"}),
        ("n:data->n::int", {"n": 5}),
        ("tags->0", {"tags": "a"}),
        ("big,score", {"big": 9007199254740993, "score": 1.10}),
        (" title , points ", {"title": "one", "points": 1}),
        ('"tit""le":title', None),
        ("due", {"due": "2026-01-02T03:04:05+00:00"}),
        ("", {}),
    ],
)
async def test_select_shapes_the_rows(rest, select, row):
    reply = await rest.get("tasks", params={"select": select, "id": f"eq.{ONE}"})

    if row is None:
        assert reply.code == "PGRST100"
    else:
        assert reply.rows == [row], reply.text


async def test_numbers_keep_all_their_digits(rest):
    reply = await rest.get(f"tasks?select=big,score&id=eq.{ONE}")

    assert '"big":9007199254740993' in reply.text
    assert '"score":1.10' in reply.text


async def test_aliases_may_hold_anything_and_change_nothing(rest):
    odd = 'a" from secrets; --'
    select = f"{inside(odd)}:title"

    reply = await rest.get("tasks", params={"select": select, "id": f"eq.{ONE}"})

    assert reply.rows == [{odd: "one"}]


@pytest.mark.parametrize("alias", ["x" * 64, "a\0b"])
async def test_aliases_that_postgres_cannot_keep_are_refused(rest, alias):
    reply = await rest.get("tasks", params={"select": f"{inside(alias)}:title"})

    assert (reply.status, reply.code) == (400, "PGRST100")


async def test_odd_names_of_tables_and_columns_work_when_quoted(rest):
    name = "odd%20%22table"
    select = ",".join(inside(column) for column in ("my.col", "a,b", "or", "back\\slash"))

    reply = await rest.get(
        name, params=[("select", select), ('"my.col"', "eq.2"), ('"a,b"', "eq.x,y")]
    )

    assert reply.rows == [{"my.col": 2, "a,b": "x,y", "or": "or", "back\\slash": "b\\s"}]


async def test_a_column_with_a_reserved_name_can_be_filtered_in_a_tree(rest):
    reply = await rest.get('odd%20%22table?select="my.col"&and=(select.eq.z,or.eq.y)')

    assert reply.column("my.col") == [1]


@pytest.mark.parametrize(
    ("order", "titles"),
    [
        ("points", ["one", "two words", "four", "three"]),
        ("points.asc", ["one", "two words", "four", "three"]),
        ("points.desc", ["three", "four", "two words", "one"]),
        ("points.desc.nullslast", ["four", "two words", "one", "three"]),
        ("points.nullsfirst", ["three", "one", "two words", "four"]),
        ("done.desc,title", ["two words", "four", "one", "three"]),
        ("data->n.nullslast,title", ["one", "four", "three", "two words"]),
        ("data->>n.asc.nullsfirst,title.desc", ["two words", "three", "four", "one"]),
    ],
)
async def test_order(rest, order, titles):
    reply = await rest.get(f"tasks?select=title&order={order}")

    assert reply.column("title") == titles


@pytest.mark.parametrize(
    ("params", "headers", "titles", "content_range"),
    [
        ("limit=2", {}, ["one", "two words"], "0-1/*"),
        ("limit=2&offset=1", {}, ["two words", "three"], "1-2/*"),
        ("offset=3", {}, ["four"], "3-3/*"),
        ("limit=0", {}, [], "*/*"),
        ("limit=x", {}, ["one", "two words", "three", "four"], "0-3/*"),
        ("", {"Range": "0-1"}, ["one", "two words"], "0-1/*"),
        ("", {"Range": "2-"}, ["three", "four"], "2-3/*"),
        ("limit=1&offset=1", {"Range": "0-2"}, ["two words"], "1-1/*"),
        ("limit=99999999999999999999999", {}, ["one", "two words", "three", "four"], "0-3/*"),
        ("offset=99999999999999999999999", {}, [], "*/*"),
    ],
)
async def test_pages(rest, params, headers, titles, content_range):
    reply = await rest.get(f"tasks?select=title&order=id&{params}", **headers)

    assert reply.status == 200, reply.text
    assert (reply.column("title"), reply.range) == (titles, content_range)


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        ("limit=-5", {}),
        ("offset=-1", {}),
        ("", {"Range": "5-2"}),
        ("limit=2", {"Range": "5-9"}),
    ],
)
async def test_impossible_pages(rest, params, headers):
    reply = await rest.get(f"tasks?{params}", **headers)

    assert (reply.status, reply.code) == (416, "PGRST103")


@pytest.mark.parametrize(
    ("params", "status", "content_range"),
    [
        ("", 200, "0-3/4"),
        ("limit=2", 206, "0-1/4"),
        ("limit=2&offset=2", 206, "2-3/4"),
        ("offset=4", 206, "*/4"),
        ("points=gt.100", 200, "*/0"),
        ("limit=0", 206, "*/4"),
    ],
)
async def test_exact_counts(rest, params, status, content_range):
    reply = await rest.get(f"tasks?select=title&{params}", prefer="count=exact")

    assert (reply.status, reply.range) == (status, content_range)
    assert reply.headers["Preference-Applied"] == "count=exact"


async def test_a_page_after_the_last_row_is_refused_when_the_total_is_known(rest):
    reply = await rest.get("tasks?offset=5", prefer="count=exact")

    assert (reply.status, reply.code) == (416, "PGRST103")
    assert reply.rows["details"] == "An offset of 5 was requested, but there are only 4 rows."


@pytest.mark.parametrize("count", ["planned", "estimated"])
async def test_other_counts_give_a_number(rest, count):
    reply = await rest.get(
        "tasks?select=title,x:data->a,orgs!inner(name)&points=gt.0&limit=1&order=title",
        prefer=f"count={count}",
    )

    assert reply.status in {200, 206}, reply.text
    assert reply.range.rpartition("/")[2].isdigit()
    assert reply.headers["Preference-Applied"] == f"count={count}"


async def test_head_is_get_without_a_body(rest):
    reply = await rest("HEAD", "tasks?limit=2", prefer="count=exact")

    assert (reply.status, reply.range, reply.text) == (206, "0-1/4", "")


async def test_one_object_on_request(rest):
    reply = await rest.get(
        f"tasks?select=title&id=eq.{ONE}", Accept="application/vnd.pgrst.object+json"
    )

    assert reply.rows == {"title": "one"}
    assert reply.headers["Content-Type"].startswith("application/vnd.pgrst.object+json")


@pytest.mark.parametrize(("params", "n"), [("points=gt.100", 0), ("points=gt.0", 3)])
async def test_any_other_number_than_one_is_no_object(rest, params, n):
    reply = await rest.get(f"tasks?{params}", Accept="application/vnd.pgrst.object+json")

    assert (reply.status, reply.code) == (406, "PGRST116")
    assert reply.rows["details"] == f"The result contains {n} rows"


async def test_nulls_can_be_left_out(rest):
    reply = await rest.get(
        f"tasks?select=title,parent_id&id=eq.{ONE}",
        Accept="application/vnd.pgrst.array+json;nulls=stripped",
    )

    assert reply.rows == [{"title": "one"}]


async def test_views_are_read_like_tables(rest):
    reply = await rest.get("task_overview?select=title,org_name,children&title=eq.one")

    assert reply.rows == [{"title": "one", "org_name": "Acme", "children": 1}]


async def test_no_answer_has_more_rows_than_the_limit(rest_pool, serve_rest):
    rest = (await serve_rest(RestApi(rest_pool, max_rows=2))).as_role("service_role")

    plain = await rest.get("tasks?select=title&limit=50")
    counted = await rest.get("tasks?select=title", prefer="count=exact")
    estimated = await rest.get("tasks?select=title", prefer="count=estimated")
    embedded = await rest.get("orgs?select=name,tasks(title)&id=eq.1")
    called = await rest.get("rpc/numbers?upto=5", prefer="count=exact")

    assert len(plain.rows) == 2
    assert (counted.status, counted.range) == (206, "0-1/5")
    assert int(estimated.range.rpartition("/")[2]) >= 3
    assert len(embedded.rows[0]["tasks"]) == 2
    assert (called.rows, called.range) == ([1, 2], "0-1/5")
