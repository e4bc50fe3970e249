"""What a refusal is explained with (that it agrees with the rules is in test_roles)."""

import json
from uuid import uuid4

import pytest


async def explain(world, who, kind, operation, project=None, organization=None):
    said = await world.value(
        who, "select explain_access($1, $2, $3, $4)", kind, operation, project, organization
    )
    return json.loads(said)


async def test_a_viewer_learns_which_role_writes_and_who_gives_it(world):
    said = await explain(world, "viewer", "requirement", "create", world.project)
    assert (said["your_role"], said["needed_role"], said["allowed"]) == ("viewer", "editor", False)
    assert said["scope"] == "project"
    assert said["granted_by"] == [
        {"display_name": "Project_Admin", "email": "project_admin@example.com", "role": "admin"},
        {"display_name": "Admin", "email": "admin@example.com", "role": "owner"},
        {"display_name": "Owner", "email": "owner@example.com", "role": "owner"},
        {"display_name": "Project_Owner", "email": "project_owner@example.com", "role": "owner"},
    ]


async def test_only_owners_make_owners(world):
    said = await explain(world, "project_admin", "project", "delete", world.project)
    assert said["needed_role"] == "owner"
    assert {person["role"] for person in said["granted_by"]} == {"owner"}


async def test_at_most_five_people_are_named(world):
    for n in range(7):
        await world.sign_up(f"admin{n}")
        await world.add_member(f"admin{n}", "admin")
    said = await explain(world, "guest", "project", "create", organization=world.acme)
    assert (said["scope"], said["your_role"], said["needed_role"]) == (
        "organization",
        "guest",
        "member",
    )
    assert [person["role"] for person in said["granted_by"]] == ["admin"] * 5


async def test_nobody_is_sent_to_themselves(world):
    said = await explain(world, "owner", "organization", "delete", organization=world.acme)
    assert said["allowed"]
    assert said["granted_by"] == []


async def test_a_place_out_of_sight_and_no_place_are_one_answer(world):
    answers = [
        await explain(world, "stranger", "document", "delete", project)
        for project in (world.project, world.private, uuid4(), None)
    ]
    assert all(answer == answers[0] for answer in answers)
    assert (answers[0]["your_role"], answers[0]["granted_by"]) == (None, [])


async def test_a_private_project_is_out_of_a_members_sight(world):
    said = await explain(world, "member", "requirement", "create", world.private)
    assert (said["your_role"], said["granted_by"]) == (None, [])


async def test_a_deleted_project_is_explained_to_its_owners_only(world):
    await world.run("owner", "update projects set deleted_at = now() where id = $1", world.project)
    assert (await explain(world, "owner", "project", "restore", world.project))["allowed"]
    hidden = await explain(world, "editor", "project", "restore", world.project)
    assert (hidden["your_role"], hidden["granted_by"]) == (None, [])
    inside = await explain(world, "owner", "document", "read", world.project)
    assert not inside["allowed"]


async def test_a_deleted_organization_is_explained_to_its_owners_only(world):
    await world.run(
        "owner", "update organizations set deleted_at = now() where id = $1", world.acme
    )
    restore = ("organization", "restore", None, world.acme)
    assert (await explain(world, "owner", *restore))["allowed"]
    assert (await explain(world, "admin", *restore))["your_role"] is None
    assert not (await explain(world, "owner", "member", "read", None, world.acme))["allowed"]


async def test_member_means_the_level_that_is_asked_about(world):
    of_project = await explain(world, "viewer", "member", "create", world.project)
    of_organization = await explain(world, "viewer", "member", "create", None, world.acme)
    assert (of_project["scope"], of_project["your_role"]) == ("project", "viewer")
    assert (of_organization["scope"], of_organization["your_role"]) == ("organization", "guest")


@pytest.mark.parametrize("operation", ["list", "search", "history", "read"])
async def test_all_reading_is_one_rule(world, operation):
    said = await explain(world, "viewer", "requirement", operation, world.project)
    assert (said["needed_role"], said["allowed"]) == ("viewer", True)


async def test_what_no_role_is_needed_for(world):
    assert (await explain(world, "stranger", "organization", "create"))["allowed"]
    assert (await explain(world, "stranger", "profile", "update"))["needed_role"] == "self"
    assert not (await explain(world, "owner", "revision", "update", world.project))["allowed"]


@pytest.mark.parametrize(("kind", "operation"), [("unicorn", "read"), ("project", "fly")])
async def test_unknown_questions_are_told_so(world, kind, operation):
    error = await world.refused(
        "owner", "select explain_access($1, $2)", kind, operation, code="22023"
    )
    assert error.detail == "p_operation"
