"""Several connections at the same moment, on rows that are really committed."""
# ruff: noqa: S608 - each statement is put together from names in this file

import asyncio
from uuid import uuid4

import asyncpg


async def gather(crowd, who, sql, *args):
    return await asyncio.gather(
        *(world.run(who, sql, *args) for world in crowd), return_exceptions=True
    )


async def test_parallel_writers_get_distinct_keys_and_places(crowd):
    async def write(world):
        for _ in range(25):
            await world.write("editor", "Parallel")

    await asyncio.gather(*(write(world) for world in crowd))
    rows = await crowd[0].run("viewer", "select key, position from requirements")
    assert len(rows) == len({row["key"] for row in rows}) == 101
    assert len({row["position"] for row in rows}) == 101


async def test_one_of_two_updates_with_the_same_version_wins(crowd):
    results = await gather(
        crowd,
        "editor",
        "update requirements set priority = 'critical' where id = $1 and version = 1 returning 1",
        crowd[0].requirement,
    )
    assert sorted(len(rows) for rows in results) == [0, 0, 0, 1]


async def test_parallel_creations_with_one_id_are_one_row(crowd):
    for call in (
        "select id, slug from create_organization('Twin', p_id => $1)",
        f"select id, key from create_project('{crowd[0].acme}', 'Twin', p_id => $1)",
    ):
        results = await gather(crowd, "owner", call, uuid4())
        assert {tuple(rows[0]) for rows in results} == {tuple(results[0][0])}


async def test_parallel_namesakes_get_slugs_and_keys_of_their_own(crowd):
    results = await gather(crowd, "owner", "select slug from create_organization('Twin')")
    assert {rows[0]["slug"] for rows in results} == {"twin", "twin-2", "twin-3", "twin-4"}
    results = await gather(
        crowd, "owner", "select key from create_project($1, 'Twin')", crowd[0].acme
    )
    assert {rows[0]["key"] for rows in results} == {"TWI", "TWI2", "TWI3", "TWI4"}


async def test_parallel_sign_ups_of_namesakes_all_succeed(crowd):
    await asyncio.gather(
        *(world.sign_up(f"twin{n}", metadata={"name": "Twin"}) for n, world in enumerate(crowd))
    )
    rows = await crowd[0].run("operator", "select slug from organizations where name like 'Twin%'")
    assert len({row["slug"] for row in rows}) == 4


async def test_two_owners_cannot_both_leave(crowd):
    first, second = crowd[:2]
    await first.run(
        "owner",
        "update organization_members set role = 'owner' where user_id = $1",
        first.user["admin"],
    )
    leave = "delete from organization_members where user_id = $1 and organization_id = $2"
    results = await asyncio.gather(
        first.run("owner", leave, first.user["owner"], first.acme),
        second.run("admin", leave, second.user["admin"], second.acme),
        return_exceptions=True,
    )
    assert {type(result) for result in results} == {list, asyncpg.CheckViolationError}


async def test_two_requirements_cannot_become_each_others_parent(crowd):
    first, second = crowd[:2]
    ids = [(await first.write("editor", name))["id"] for name in ("A", "B")]
    change = "update requirements set parent_id = $1 where id = $2"
    results = await asyncio.gather(
        first.run("editor", change, *ids),
        second.run("editor", change, *reversed(ids)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, asyncpg.CheckViolationError) for result in results) == 1


async def test_nothing_alive_is_left_in_a_document_deleted_meanwhile(crowd):
    """Whichever comes first: the new row goes with the document, or is refused."""
    deleter, *writers = crowd
    await asyncio.gather(
        deleter.run(
            "maintainer", "update documents set deleted_at = now() where id = $1", deleter.document
        ),
        *(world.write("editor", "Late") for world in writers),
        return_exceptions=True,
    )
    assert not await deleter.run("viewer", "select 1 from requirements where deleted_at is null")
