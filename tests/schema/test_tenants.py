"""Two tenants in one database: nothing of one is seen, counted, changed or guessed by the other."""
# ruff: noqa: S608 - each statement is put together from names in this file

from uuid import uuid4

import pytest

OWNED = (
    "organizations",
    "organization_members",
    "projects",
    "project_members",
    "items",
    "documents",
    "document_blocks",
    "requirements",
    "revisions",
    "organization_overview",
    "project_overview",
    "document_outline",
    "member_overview",
    "item_history",
)
KEYED_BY_ORGANIZATION = {"organizations": "id", "organization_overview": "id"}


@pytest.mark.parametrize("relation", OWNED)
async def test_a_stranger_sees_no_row_of_acme(world, relation):
    column = KEYED_BY_ORGANIZATION.get(relation, "organization_id")
    rows = f"select 1 from {relation} where {column} = $1"
    assert await world.count("owner", rows, world.acme) > 0
    assert await world.count("stranger", rows, world.acme) == 0
    assert await world.count("suspended", rows, world.acme) == 0


@pytest.mark.parametrize("relation", OWNED)
async def test_acme_sees_no_row_of_umbrella(world, relation):
    column = KEYED_BY_ORGANIZATION.get(relation, "organization_id")
    rows = f"select 1 from {relation} where {column} = $1"
    assert await world.count("owner", rows, world.umbrella) == 0
    assert await world.count("admin", rows, world.umbrella) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "update organizations set name = 'Owned' where id = '{acme}'",
        "update organizations set deleted_at = now() where id = '{acme}'",
        "update projects set visibility = 'organization' where organization_id = '{acme}'",
        "update documents set name = 'Owned' where project_id = '{project}'",
        "update document_blocks set body = 'Owned' where document_id = '{document}'",
        "update requirements set name = 'Owned' where id = '{requirement}'",
        "update requirements set deleted_at = now() where id = '{requirement}'",
        "update organization_members set role = 'guest' where organization_id = '{acme}'",
        "delete from organization_members where organization_id = '{acme}'",
        "delete from project_members where project_id = '{project}'",
    ],
)
async def test_a_strangers_change_touches_no_row(world, statement):
    assert not await world.may("stranger", statement.format(**vars(world)) + " returning 1")


INSERTS = {
    "documents": "insert into documents (project_id, name) values ('{project}', 'x')",
    "blocks": "insert into document_blocks (document_id, body) values ('{document}', 'x')",
    "requirements": "insert into requirements (document_id, name) values ('{document}', 'x')",
    "requirements-project": (
        "insert into requirements (project_id, document_id, name)"
        " values ('{project}', '{document}', 'x')"
    ),
}


@pytest.mark.parametrize("statement", INSERTS.values(), ids=INSERTS)
async def test_an_insert_answers_alike_for_foreign_and_for_unknown_places(world, statement):
    foreign = await world.refused("stranger", statement.format(**vars(world)))
    unknown = await world.refused("stranger", statement.format(project=uuid4(), document=uuid4()))
    assert (foreign.args[0], foreign.detail, foreign.hint) == (
        unknown.args[0],
        unknown.detail,
        unknown.hint,
    )


async def test_a_refused_insert_moves_no_counter(world):
    await world.refused("stranger", INSERTS["requirements"].format(**vars(world)))
    assert (await world.write("editor", "Next"))["key"] == "VEH-REQ-2"


async def test_a_requirement_cannot_stand_in_a_foreign_document(world):
    """The project is the writer's own, so only the composite key is in the way."""
    error = await world.refused(
        "stranger",
        "insert into requirements (project_id, document_id, name) values ($1, $2, 'x')",
        world.foreign_project,
        world.document,
        code="23503",
    )
    assert error.constraint_name == "requirements_document"


async def test_a_requirement_cannot_move_into_a_foreign_document(world):
    for document in (world.foreign_document, uuid4()):
        error = await world.refused(
            "owner",
            "update requirements set document_id = $1 where id = $2",
            document,
            world.requirement,
            code="23503",
        )
        assert error.constraint_name == "requirements_document"


async def test_a_parent_in_a_foreign_project_answers_like_none(world):
    errors = [
        await world.refused(
            "owner",
            "update requirements set parent_id = $1 where id = $2",
            parent,
            world.requirement,
            code="23503",
        )
        for parent in (world.foreign_requirement, uuid4())
    ]
    assert {error.constraint_name for error in errors} == {"requirements_parent"}


async def test_the_id_of_a_foreign_item_cannot_be_taken_over_through_another_table(world):
    """A registry that upserts would let the new document overwrite the foreign requirement."""
    error = await world.refused(
        "owner",
        "insert into documents (id, project_id, name) values ($1, $2, 'Hijack')",
        world.foreign_requirement,
        world.project,
        code="23505",
    )
    assert error.constraint_name == "items_pkey"
    row = await world.one(
        "stranger", "select title, type from items where id = $1", world.foreign_requirement
    )
    assert tuple(row) == ("Containment", "requirement")


async def test_an_upsert_cannot_merge_into_a_foreign_row(world):
    merge = (
        "insert into documents (id, project_id, name) values ($1, $2, 'Hijack')"
        " on conflict (id) do update set name = excluded.name"
    )
    await world.refused("owner", merge, world.foreign_document, world.project)
    ignored = merge.replace("update set name = excluded.name", "nothing returning 1")
    assert await world.count("owner", ignored, world.foreign_document, world.project) == 0


async def test_no_search_or_explanation_reaches_across(world):
    find = "select 1 from search_items($1, p_project => $2)"
    assert await world.count("stranger", find, "brake", world.project) == 0
    assert await world.count("stranger", "select 1 from search_items('VEH-REQ-1')") == 0
    assert await world.count("owner", "select 1 from search_items('containment')") == 0
    explain = "select explain_access('project', 'update', $1, $2)"
    answers = {
        await world.value("stranger", explain, project, organization)
        for project, organization in ((world.project, world.acme), (uuid4(), uuid4()))
    }
    assert len(answers) == 1
    assert '"granted_by": []' in answers.pop()


async def test_helpers_speak_of_the_caller_only(world):
    for call in ("app.my_projects('viewer')", "app.my_orgs('guest')"):
        mine = {row[0] for row in await world.run("stranger", f"select {call}")}
        assert not mine & {world.project, world.private, world.acme}
    assert await world.value("stranger", "select app.my_project_role($1)", world.project) is None
    hits = "select 1 from app.find_hits('brake', null, $1, null, 9, null, null)"
    assert await world.count("stranger", hits, world.project) == 0


async def test_claims_without_a_user_see_nothing(world):
    async with world.speaking("owner"):
        await world.connection.execute(
            "select set_config('request.jwt.claims', '{\"role\": \"authenticated\"}', true)"
        )
        for relation in OWNED:
            assert not await world.connection.fetch(f"select 1 from {relation}")
