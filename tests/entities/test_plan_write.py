import uuid

import pytest

from atoms_mcp.entities.call import parse_call
from atoms_mcp.entities.plan_write import (
    plan_clear_context,
    plan_creation_call,
    plan_delete,
    plan_get_context,
    plan_insert,
    plan_restore,
    plan_set_context,
    plan_update,
    stored_row,
    token_id,
)
from atoms_mcp.entities.scope import Scope

ONE_ROW = ("return=representation", "handling=strict", "max-affected=1")


@pytest.fixture
def change(catalogue):
    def change(operation, **arguments):
        return parse_call(
            catalogue,
            {"operation": operation, "entity_type": "requirement", "entity_id": "X"} | arguments,
        )

    return change


def test_the_same_token_gives_the_same_id_to_the_same_user_and_place_only():
    one = token_id("user", "requirement", "place", "token", 0)

    assert one == token_id("user", "requirement", "place", "token", 0)
    assert uuid.UUID(one).version == 5
    others = {
        token_id("other", "requirement", "place", "token", 0),
        token_id("user", "document", "place", "token", 0),
        token_id("user", "requirement", None, "token", 0),
        token_id("user", "requirement", "place", "token2", 0),
        token_id("user", "requirement", "place", "token", 1),
    }
    assert len(others - {one}) == 5


def test_a_row_is_stored_by_column_with_references_as_ids(requirement):
    data = {"title": "A", "parent": "VEH-REQ-1", "tags": ["x"]}

    assert stored_row(requirement, data, {"parent": "id-1"}) == {
        "name": "A",
        "parent_id": "id-1",
        "tags": ["x"],
    }


def test_a_batch_names_all_its_columns(requirement):
    request = plan_insert(requirement, [{"name": "A"}, {"name": "B", "tags": []}], ["title"])

    assert (request.method, request.path) == ("POST", "requirements")
    assert request.query == (
        ("columns", "name,tags"),
        ("select", "name,key,id,version,document_id"),
    )
    assert request.body == [{"name": "A"}, {"name": "B", "tags": []}]
    assert request.prefer == ("return=representation", "missing=default")


def test_a_single_row_says_where_it_stands(requirement):
    select = dict(plan_insert(requirement, [{"name": "A"}], []).query)["select"]

    assert select == "key,id,version,documents(key),projects(key,organizations(slug))"


def test_a_row_with_an_id_is_left_as_it_is_when_it_is_there(requirement):
    request = plan_insert(requirement, [{"name": "A", "id": "1"}], [])

    assert ("on_conflict", "id") in request.query
    assert "resolution=ignore-duplicates" in request.prefer


def test_what_has_an_owner_is_created_by_a_function(catalogue):
    scope = Scope("organization", "acme", organization_id="o")

    project = plan_creation_call(catalogue["project"], {"title": "A", "key": "AB"}, scope, "id-1")
    organization = plan_creation_call(catalogue["organization"], {"title": "A"}, Scope(), None)

    assert project.path == "rpc/create_project"
    assert project.body == {
        "p_name": "A",
        "p_key": "AB",
        "p_organization": "o",
        "p_id": "id-1",
    }
    assert organization.body == {"p_name": "A"}


def test_an_update_names_one_living_row_at_a_version(requirement):
    request = plan_update(requirement, "1", {"name": "A"}, ["title"], 3)

    assert request.method == "PATCH"
    assert request.query[1:] == (("id", "eq.1"), ("version", "eq.3"), ("deleted_at", "is.null"))
    assert request.body == {"name": "A"}
    assert request.prefer == ONE_ROW


def test_a_profile_has_neither_version_nor_deletion(catalogue):
    request = plan_update(catalogue["profile"], "1", {"display_name": "A"}, ["email"], 3)

    assert request.query == (("select", "email,id"), ("id", "eq.1"))


def test_deleting_and_restoring_expect_the_other_state(change):
    delete = plan_delete(change("delete", expected_version=2), "1", [])
    restore = plan_restore(change("restore"), "1", [])

    assert delete.query[1:] == (("id", "eq.1"), ("version", "eq.2"), ("deleted_at", "is.null"))
    assert delete.body == {"deleted_at": "now"}
    assert restore.query[1:] == (("id", "eq.1"), ("deleted_at", "not.is.null"))
    assert restore.body == {"deleted_at": None}


def test_a_default_place_is_kept_whole():
    scope = Scope("project", "acme/VEH", organization_id="o", project_id="p")

    request = plan_set_context("u", scope)

    assert request.body == {
        "user_id": "u",
        "organization_id": "o",
        "project_id": "p",
        "document_id": None,
    }
    assert "resolution=merge-duplicates" in request.prefer
    assert ("user_id", "eq.u") in plan_get_context("u").query
    assert plan_clear_context("u").query == (("user_id", "eq.u"),)
