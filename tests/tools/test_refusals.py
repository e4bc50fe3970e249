"""Refusals that the embedded stack gives too seldom to wait for them."""

import pytest

from atoms_mcp.supabase.errors import SupabaseError

UPDATE = {
    "operation": "update",
    "entity_type": "requirement",
    "entity_id": "0ac3e000-0000-4000-8000-000000000101",
    "data": {"status": "approved"},
}
STATE = {"id": UPDATE["entity_id"], "key": "VEH-REQ-1", "version": 3, "deleted_at": None}
PLACE = {"id": UPDATE["entity_id"], "organization_id": "o", "project_id": "p"}


def refusal(code, message="", details=None, hint=None):
    return SupabaseError("refused", message, status=400, code=code, details=details, hint=hint)


async def test_a_refusal_that_nobody_can_mend_goes_its_way(scripted):
    with pytest.raises(SupabaseError):
        await scripted(refusal("42703")).run("ada", "entity_tool", UPDATE)


async def test_what_the_database_does_not_explain_is_still_forbidden(scripted):
    workspace = scripted(refusal("42501"), [PLACE], refusal("42883"))

    error = await workspace.refused("ada", **UPDATE)

    assert error.code == "not_found"


async def test_a_database_that_goes_away_while_explaining_is_away(scripted):
    workspace = scripted(refusal("42501"), [PLACE], SupabaseError("down", "x"))

    with pytest.raises(SupabaseError):
        await workspace.run("ada", "entity_tool", UPDATE)


async def test_an_explanation_that_is_none_says_what_it_can(scripted):
    workspace = scripted(refusal("42501"), [PLACE], {"your_role": "viewer"})

    error = await workspace.refused("ada", **UPDATE)

    assert error.code == "forbidden"
    assert "ask an owner or admin" in error.fix


async def test_nothing_matched_and_nothing_there_is_not_found(scripted):
    error = await scripted([], []).refused("ada", **UPDATE)

    assert error.code == "not_found"


async def test_nothing_matched_although_all_is_well_is_forbidden(scripted):
    access = {"scope": "project", "allowed": False, "your_role": "viewer"}
    access |= {"needed_role": "editor", "granted_by": []}

    error = await scripted([], [STATE], [PLACE], access).refused("ada", **UPDATE)

    assert error.code == "forbidden"
    assert "VEH-REQ-1" in error.message


async def test_a_conflict_without_a_history_in_sight_says_less(scripted):
    error = await scripted([], [STATE], []).refused("ada", expected_version=1, **UPDATE)

    assert error.message == "VEH-REQ-1 is at version 3, you sent 1."


async def test_a_conflict_with_what_is_no_field_names_the_operation(scripted):
    revision = {
        "version": 3,
        "op": "restore",
        "at": "2026-11-23T14:05:00+00:00",
        "changed_fields": [],
        "actor_email": None,
    }

    error = await scripted([], [STATE], [revision]).refused("ada", expected_version=1, **UPDATE)

    assert "Since then: restored (" in error.message


@pytest.mark.parametrize(
    ("code", "message", "details", "expected"),
    [
        ("23505", 'unique constraint "requirements_pkey"', None, "duplicate"),
        ("23505", "unreadable", None, "duplicate"),
        ("22P02", "invalid input", None, "invalid_argument"),
        ("23514", "this requirement is deleted", "deleted", "conflict"),
        ("42501", "no such project", "no_role", "not_found"),
    ],
)
async def test_a_refusal_is_put_into_words(scripted, code, message, details, expected):
    error = await scripted(refusal(code, message, details, "Do this.")).refused("ada", **UPDATE)

    assert error.code == expected
    assert "constraint" not in str(error)


async def test_a_taken_value_whose_holder_is_out_of_sight_names_nobody(scripted):
    taken = refusal("23505", 'unique constraint "requirements_external_id_unique"')
    call = UPDATE | {"data": {"external_id": "x-1"}}

    error = await scripted(taken, [PLACE], []).refused("ada", **call)

    assert error.details == {"field": "external_id"}


async def test_too_many_long_values_are_not_asked_about(scripted):
    taken = refusal("23505", 'unique constraint "requirements_external_id_unique"')
    place = PLACE | {"key": "VEH-DOC-1", "type": "document", "document_id": None, "title": "A"}
    call = {
        "operation": "create",
        "entity_type": "requirement",
        "parent": "VEH-DOC-1",
        "items": [{"title": "A", "external_id": f"{n} " + "x" * 190} for n in range(50)],
    }

    error = await scripted([place], taken).refused("ada", **call)

    assert (error.code, error.details) == ("duplicate", {"field": "external_id"})
