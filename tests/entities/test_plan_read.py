import pytest

from atoms_mcp.entities.call import Sort, parse_call
from atoms_mcp.entities.plan_read import (
    Page,
    alive,
    columns,
    filter_conditions,
    plan_changes_since,
    plan_held,
    plan_history,
    plan_ids,
    plan_keys,
    plan_list,
    plan_living,
    plan_match,
    plan_organizations,
    plan_outline,
    plan_people,
    plan_projects_of,
    plan_rank,
    plan_read,
    plan_state,
)
from atoms_mcp.entities.postgrest import equal, pairs
from atoms_mcp.entities.scope import Scope

NEWEST = Sort("-updated_at", "updated_at", is_descending=True)
PROJECT = Scope("project", "acme/VEH", organization_id="o", project_id="p")
UUID = "0ac3e000-0000-4000-8000-000000000001"


@pytest.fixture
def parse(catalogue):
    def parse(operation="list", entity_type="requirement", **arguments):
        return parse_call(
            catalogue, {"operation": operation, "entity_type": entity_type} | arguments
        )

    return parse


def test_the_first_page_of_a_list(parse):
    request = plan_list(parse(limit=2), PROJECT, Page(NEWEST, 2), {})

    assert (request.method, request.path, request.prefer) == ("GET", "requirements", ())
    assert request.query == (
        ("select", "key,name,status,priority,version,deleted_at,id,updated_at"),
        ("project_id", "eq.p"),
        ("deleted_at", "is.null"),
        ("order", "updated_at.desc,id.asc"),
        ("limit", "3"),
    )


def test_the_next_page_begins_after_a_position(parse):
    request = plan_list(parse(), PROJECT, Page(NEWEST, 20, ["2026-01-01", "7"]), {})

    assert ("updated_at", "lte.2026-01-01") in request.query
    assert ("or", "(updated_at.lt.2026-01-01,and(updated_at.eq.2026-01-01,id.gt.7))") in (
        request.query
    )


def test_an_offset_and_a_count_are_asked_for_when_wanted(parse):
    page = Page(NEWEST, 20, offset=40, is_counted=True)
    request = plan_list(parse(), PROJECT, page, {})

    assert ("offset", "40") in request.query
    assert request.prefer == ("count=exact",)


def test_filters_become_conditions(parse):
    call = parse(
        filters={
            "status": ["draft", "approved"],
            "priority": "high",
            "tag": ["a,b"],
            "title": "A*b",
            "external_id": "x,y",
            "created_by": "me",
            "updated_after": "2026-11-23",
            "updated_before": "2026-11-24",
        }
    )

    assert pairs(filter_conditions(call, {"created_by": ("u1", "u2")})) == (
        ("status", "in.(draft,approved)"),
        ("priority", "eq.high"),
        ("tags", 'ov.{"a,b"}'),
        ("name", r"imatch.^A\*b$"),
        ("external_id", "eq.x,y"),
        ("created_by", "in.(u1,u2)"),
        ("updated_at", "gt.2026-11-23T00:00:00+00:00"),
        ("updated_at", "lt.2026-11-24T00:00:00+00:00"),
        ("deleted_at", "is.null"),
    )


@pytest.mark.parametrize(("deleted", "condition"), [(True, "not.is.null"), (False, "is.null")])
def test_deleted_rows_are_there_when_asked_for(parse, deleted, condition):
    conditions = filter_conditions(parse(filters={"deleted": deleted}))

    assert pairs(conditions) == (("deleted_at", condition),)


def test_types_that_know_no_deletion_are_not_asked_about_it(parse, catalogue):
    assert filter_conditions(parse(entity_type="member", parent="acme")) == []
    assert alive(catalogue["profile"]) == []


def test_a_few_texts_are_searched_by_what_they_contain(parse):
    call = parse("search", "project", query="50%, all)")
    request = plan_match(call, Scope(), Page(Sort("title", "name", is_descending=False), 20), {})

    pattern = r'"%50\\%, all)%"'
    columns = ("name", "key", "slug", "description")
    tree = ",".join(f"{column}.ilike.{pattern}" for column in columns)
    assert ("or", f"({tree})") in request.query


def test_items_are_searched_by_rank(parse):
    call = parse("search", query="brake")

    assert plan_rank(call, PROJECT, 21, None).body == {
        "p_query": "brake",
        "p_types": ["requirement"],
        "p_project": "p",
        "p_limit": 21,
    }
    organization = Scope("organization", "acme", organization_id="o")
    assert plan_rank(call, organization, 5, [0.5, "7"]).body == {
        "p_query": "brake",
        "p_types": ["requirement"],
        "p_organization": "o",
        "p_limit": 5,
        "p_after_rank": 0.5,
        "p_after_id": "7",
    }


def test_rows_are_read_by_id(requirement, catalogue):
    by_ids = plan_ids(requirement, ["title"], ["1", "2"], equal("project_id", "p"))
    one = plan_read(requirement, ["title"], "1")
    person = plan_read(catalogue["profile"], ["email"], "1")

    assert by_ids.query == (
        ("select", "name,key,id"),
        ("id", "in.(1,2)"),
        ("project_id", "eq.p"),
    )
    assert one.query == (("select", "name,key,id,version,deleted_at"), ("id", "eq.1"))
    assert person.query == (("select", "email,id"), ("id", "eq.1"))


def test_the_state_of_a_row_is_read_from_its_table(catalogue):
    request = plan_state(catalogue["project"], "1", ["title", "role"])

    assert request.path == "projects"
    assert request.query == (("select", "name,key,id,version,deleted_at"), ("id", "eq.1"))
    assert plan_state(catalogue["profile"], "1").query[0] == ("select", "email,id")


def test_history_goes_backwards(requirement):
    first = plan_history(requirement, "1", 20)
    later = plan_history(requirement, "1", 20, 7, is_full=True)

    assert first.query[1:] == (
        ("item_id", "eq.1"),
        ("type", "eq.requirement"),
        ("order", "version.desc"),
        ("limit", "21"),
    )
    assert ("version", "lt.7") in later.query
    assert later.query[0][1].endswith(",snapshot")
    assert ("version", "gt.3") in plan_changes_since("1", 3).query


def test_a_document_is_read_in_its_order():
    first = plan_outline("d", 150)
    later = plan_outline("d", 150, (1024, "7"))

    assert first.query[1:] == (
        ("document_id", "eq.d"),
        ("order", "position.asc,id.asc"),
        ("limit", "151"),
    )
    assert ("position", "gte.1024") in later.query


def test_names_of_people_and_items_are_looked_up_at_once():
    assert plan_people(["u1"]).query[1] == ("id", "in.(u1)")
    assert plan_keys(["i1"]).path == "items"


def test_what_lives_in_an_entity_is_read_with_its_number(catalogue):
    children = plan_held(catalogue["requirement"], "parent_id", "1", 20)
    members = plan_held(catalogue["member"], "project_id", "1", 20)
    documents = plan_held(catalogue["document"], "project_id", "1", 20)

    assert children.prefer == ("count=exact",)
    assert children.query[1:4] == (
        ("parent_id", "eq.1"),
        ("deleted_at", "is.null"),
        ("order", "position.asc,id.asc"),
    )
    assert ("scope", "eq.project") in members.query
    assert ("order", "updated_at.desc,id.asc") in documents.query


def test_a_few_of_a_kind_can_be_named(catalogue):
    request = plan_living(catalogue["document"], [equal("project_id", "p")], 5)

    assert request.query[0] == ("select", "key,name")


def test_workspaces_are_read_by_title(catalogue):
    organizations = plan_organizations(catalogue["organization"], 20, ["Acme", "7"])
    projects = plan_projects_of(catalogue["project"], ["key"], ["o1", "o2"], 200)

    assert ("order", "name.asc,id.asc") in organizations.query
    assert ("name", "gte.Acme") in organizations.query
    assert ("organization_id", "in.(o1,o2)") in projects.query


def test_columns_hold_what_a_view_needs(requirement):
    assert columns(requirement, ["title", "title"], "position") == "name,key,id,position"
