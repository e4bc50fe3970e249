"""Search over all types: words, keys, pages, and what is asked wrongly."""
# ruff: noqa: S608 - each statement is put together from names in this file

import pytest

HITS = "select 1 from app.find_hits('brake', null, null, null, 9, null, null)"
FIND = "select * from search_items($1, p_project => $2)"


async def keys(world, who, query, **arguments):
    given = "".join(f", {name} => {value}" for name, value in arguments.items())
    rows = await world.run(who, f"select * from search_items($1{given})", query)
    return [row["key"] for row in rows]


async def fill(world):
    for name, description in (
        ("Emergency stop", "The system shall stop the vehicle from 100 km/h within 40 m."),
        ("Steering", "The vehicle shall be steered by wire. Stopping is not steering."),
        ("Night mode", "Lamps dim at night."),
    ):
        await world.write("editor", name, description=description)


async def test_words_are_found_in_titles_first_and_in_their_other_forms(world):
    await fill(world)
    assert await keys(world, "viewer", "stopped") == ["VEH-REQ-2", "VEH-REQ-3"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("vehicle stop", ["VEH-REQ-2", "VEH-REQ-3"]),
        ("vehicle -wire", ["VEH-REQ-2"]),
        ('"steered by wire"', ["VEH-REQ-3"]),
        ("lamps or emergency", {"VEH-REQ-2", "VEH-REQ-4"}),
        ("veh-req-4", ["VEH-REQ-4"]),
        ("nothing of this", []),
        ("'); drop table items; --", []),
        ("& | ! <-> :*", []),
        ("%", []),
    ],
)
async def test_queries_read_as_in_a_web_search(world, query, found):
    await fill(world)
    assert type(found)(await keys(world, "viewer", query)) == found


async def test_a_key_comes_before_all_that_mentions_it(world):
    await fill(world)
    for n in range(3):
        await world.write("editor", f"VEH-REQ-2 copy {n}", description="VEH-REQ-2 " * 20)
    found = await keys(world, "viewer", " veh-req-2 ")
    assert found[0] == "VEH-REQ-2"
    assert len(found) == 4


async def test_stop_words_alone_are_looked_for_in_titles_as_they_stand(world):
    await world.write("editor", "On and off")
    assert await keys(world, "viewer", "and") == ["VEH-REQ-2"]


async def test_a_hit_says_what_and_where_it_is(world):
    await fill(world)
    row = await world.one("viewer", FIND, "emergency", world.project)
    assert (row["type"], row["title"], row["status"]) == ("requirement", "Emergency stop", "draft")
    assert (row["project_id"], row["document_id"]) == (world.project, world.document)
    assert row["snippet"].startswith("The system shall stop")
    assert row["version"] == 1
    block = await world.one("viewer", "select * from search_items('braking', '{block}')")
    assert (block["type"], block["key"], block["document_id"]) == ("block", None, world.document)


async def test_types_project_and_organization_narrow_the_search(world):
    everything = ["VEH-DOC-1", "VEH-REQ-1", None]
    assert sorted(await keys(world, "viewer", "brake"), key=str) == sorted(everything, key=str)
    assert await keys(world, "viewer", "brake", p_types="'{document}'") == ["VEH-DOC-1"]
    for argument, inside, outside in (
        ("p_project", world.project, world.private),
        ("p_organization", world.acme, world.umbrella),
    ):
        assert len(await keys(world, "owner", "brake", **{argument: f"'{inside}'"})) == 3
        assert await keys(world, "owner", "brake", **{argument: f"'{outside}'"}) == []


async def test_pages_join_without_gap_or_repeat(world):
    await world.run(
        "editor",
        "insert into requirements (document_id, name, description)"
        " select $1, 'Pump ' || n, repeat('pump ', n % 3) from generate_series(1, 25) as n",
        world.document,
    )
    whole = await world.run("viewer", "select id, rank from search_items('pump', p_limit => 100)")
    assert len(whole) == 25
    seen = []
    rank, last = None, None
    while page := await world.run(
        "viewer",
        "select id, rank from search_items("
        "'pump', p_limit => 4, p_after_rank => $1, p_after_id => $2)",
        rank,
        last,
    ):
        assert len(page) <= 4
        seen += page
        rank, last = page[-1]["rank"], page[-1]["id"]
    assert seen == whole


@pytest.mark.parametrize(("limit", "count"), [("0", 1), ("-5", 1), ("null", 20), ("1000000", 100)])
async def test_a_page_has_one_to_a_hundred_rows(world, limit, count):
    await world.run(
        "editor",
        "insert into requirements (document_id, name)"
        " select $1, 'Pump ' || n from generate_series(1, 105) as n",
        world.document,
    )
    assert len(await keys(world, "viewer", "pump", p_limit=limit)) == count


@pytest.mark.parametrize(
    ("arguments", "detail"),
    [
        ("null", "p_query"),
        ("'  '", "p_query"),
        ("repeat('x', 1001)", "p_query"),
        ("'x', '{unicorn}'", "p_types"),
        ("'x', p_after_id => gen_random_uuid()", "p_after_id"),
        ("'x', p_after_rank => 1", "p_after_id"),
    ],
)
async def test_what_is_asked_wrongly_is_told_so(world, arguments, detail):
    error = await world.refused("viewer", f"select * from search_items({arguments})", code="22023")
    assert error.detail == detail
    assert error.hint


async def test_the_page_is_read_again_under_the_policies(world):
    """The hits are looked up as the owner of the tables; row-level security has the last word."""
    await world.run("operator", 'drop policy "viewers read" on items')
    assert await world.count("viewer", HITS) == 3
    assert await keys(world, "viewer", "brake") == []


async def test_foreign_and_private_projects_are_out_of_reach(world):
    await world.run(
        "owner",
        "insert into documents (project_id, name) values ($1, 'Hidden brakes')",
        world.private,
    )
    assert "SEC-DOC-1" in await keys(world, "owner", "brakes")
    assert "SEC-DOC-1" not in await keys(world, "viewer", "brakes")
    assert await keys(world, "viewer", "SEC-DOC-1") == []
    assert await keys(world, "stranger", "brakes") == []
