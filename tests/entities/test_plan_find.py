import pytest

from atoms_mcp.entities.plan_find import (
    Name,
    best_matches,
    parse_name,
    plan_find_handles,
    plan_find_item,
    plan_find_keys,
    plan_find_members,
    plan_find_organization,
    plan_find_project,
    plan_find_user,
    plan_place,
    plan_some_projects,
    project_of,
)

UUID = "0ac3e000-0000-4000-8000-000000000001"
EVIL = '"),or(id.not.is.null'


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("VEH-REQ-12", Name("key", "VEH-REQ-12")),
        (" veh-req-12 ", Name("key", "VEH-REQ-12")),
        ("acme/VEH-REQ-12", Name("key", "VEH-REQ-12", "acme")),
        ("Acme/veh", Name("plain", "veh", "acme")),
        ("VEH", Name("plain", "VEH")),
        (UUID.upper(), Name("uuid", UUID)),
        ("Brakes / steering", Name("plain", "Brakes / steering")),
        ("a/b/c", Name("plain", "a/b/c")),
        ("VEH-REQ-0", Name("plain", "VEH-REQ-0")),
        ("VEH-REQ-12; drop table", Name("plain", "VEH-REQ-12; drop table")),
        ("acme/", Name("plain", "acme/")),
        ("", Name("plain", "")),
    ],
)
def test_a_name_is_read_as_what_it_looks_like(given, name):
    assert parse_name(given) == name


def test_the_key_of_an_item_begins_with_its_projects():
    assert project_of("VEH-REQ-12") == "VEH"


def test_an_organization_is_found_by_slug_or_exact_title():
    request = plan_find_organization(Name("plain", "Acme"))

    assert request.path == "organizations"
    assert ("or", "(slug.eq.acme,name.ilike.Acme)") in request.query
    assert ("id", f"eq.{UUID}") in plan_find_organization(Name("uuid", UUID)).query


def test_a_project_is_found_by_key_slug_or_exact_title():
    request = plan_find_project(Name("plain", "veh", "acme"))

    assert request.path == "project_overview"
    assert ("or", "(key.eq.VEH,slug.eq.veh,name.ilike.veh)") in request.query
    assert ("organization_slug", "eq.acme") in request.query
    assert ("id", f"eq.{UUID}") in plan_find_project(Name("uuid", UUID)).query


def test_what_somebody_typed_stays_a_value():
    (tree,) = (
        value for name, value in plan_find_project(Name("plain", EVIL)).query if name == "or"
    )

    assert tree == (
        r'(key.eq."\"),OR(ID.NOT.IS.NULL",slug.eq."\"),or(id.not.is.null",'
        r'name.ilike."\"),or(id.not.is.null")'
    )


def test_an_item_is_found_by_key_or_id(requirement):
    by_key = plan_find_item(Name("key", "VEH-REQ-1"), requirement, None)
    by_id = plan_find_item(Name("uuid", UUID), None, "p")

    assert by_key.path == "items"
    assert by_key.query[1:] == (("key", "eq.VEH-REQ-1"), ("limit", "25"))
    assert by_id.query[1:3] == (("project_id", "eq.p"), ("id", f"eq.{UUID}"))


def test_a_title_is_looked_for_among_the_living_of_one_type_and_project(requirement):
    request = plan_find_item(Name("plain", "50% brake"), requirement, "p")

    assert request.query[1:-1] == (
        ("project_id", "eq.p"),
        ("title", r"ilike.50\% brake"),
        ("deleted_at", "is.null"),
        ("type", "eq.requirement"),
    )
    assert "type" not in dict(plan_find_item(Name("plain", "x"), None, "p").query)


def test_many_keys_are_looked_up_at_once():
    assert ("key", "in.(A-REQ-1,A-REQ-2)") in plan_find_keys(["A-REQ-1", "A-REQ-2"]).query


@pytest.mark.parametrize(
    ("type_name", "name", "match"),
    [
        ("project", "veh", ("key", "in.(VEH)")),
        ("organization", "Acme", ("slug", "in.(acme)")),
        ("profile", "Ada@acme.example", ("email", 'in.("ada@acme.example")')),
    ],
)
def test_many_are_looked_up_by_what_names_them(catalogue, type_name, name, match):
    assert match in plan_find_handles(catalogue[type_name], [name]).query


def test_people_are_found_by_address_or_exact_name():
    assert ("or", '(email.ilike."a@b.c",display_name.ilike."a@b.c")') in plan_find_user(
        "a@b.c"
    ).query


def test_members_are_found_in_one_place():
    by_email = plan_find_members("a@b.c", "project", "p")
    by_id = plan_find_members(UUID, "organization", "o")

    assert by_email.query[1:-1] == (
        ("scope", "eq.project"),
        ("project_id", "eq.p"),
        ("email", "ilike.a@b.c"),
    )
    assert ("user_id", f"eq.{UUID}") in by_id.query


@pytest.mark.parametrize(
    ("level", "table"),
    [("organization", "organizations"), ("project", "project_overview"), ("item", "items")],
)
def test_a_place_is_looked_up_where_it_is_kept(level, table):
    assert plan_place(level, UUID).path == table


def test_a_few_projects_are_enough_to_name_some():
    assert ("limit", "5") in plan_some_projects().query


ROWS = [
    {"key": "ACME", "slug": "x", "name": "Other", "deleted_at": None},
    {"key": "B", "slug": "acme", "name": "Acme", "deleted_at": None},
    {"key": "C", "slug": "c", "name": "Straße", "deleted_at": "2026-01-01"},
    {"key": "D", "slug": "d", "name": "straße", "deleted_at": None},
    {"key": "E", "slug": "e", "name": "50_", "deleted_at": None},
]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        pytest.param("acme", ["ACME"], id="a-key-before-a-slug"),
        pytest.param("Other", ["ACME"], id="a-title-in-any-case"),
        pytest.param("STRASSE", ["D"], id="the-living-before-the-deleted"),
        pytest.param("50%", [], id="what-only-resembles-it-is-not-it"),
        pytest.param("C", ["C"], id="a-deleted-one-alone"),
    ],
)
def test_only_exact_names_match(text, keys):
    found = best_matches(ROWS, text, ("key", "slug", "name"))

    assert [row["key"] for row in found] == keys
