from atoms_mcp.entities.plan_page import (
    plan_children,
    plan_document_of,
    plan_documents_of,
    plan_items_like,
    plan_orgs_like,
    plan_page,
    plan_pages_by_id,
    plan_projects_like,
    plan_recent_documents,
    plan_recent_projects,
    plan_requirement_keys,
)
from atoms_mcp.entities.uris import parse_uri

PLACE = "projects!inner(key,organizations!inner(slug))"


def query(request):
    assert request.method == "GET"
    return dict(request.query)


def test_an_item_is_read_by_its_key_in_its_project_and_organization(catalogue):
    request = plan_page(
        catalogue["requirement"], ["key", "title"], parse_uri("atoms://a1b/V2-REQ-3")
    )

    assert request.path == "requirements"
    assert query(request) == {
        "select": f"key,name,id,version,deleted_at,{PLACE}",
        "key": "eq.V2-REQ-3",
        "projects.key": "eq.V2",
        "projects.organizations.slug": "eq.a1b",
    }


def test_a_project_is_read_by_its_key_in_its_organization(catalogue):
    request = plan_page(catalogue["project"], ["title"], parse_uri("atoms://acme/VEH"))

    assert request.path == "project_overview"
    assert query(request) == {
        "select": "name,key,id,version,deleted_at",
        "key": "eq.VEH",
        "organization_slug": "eq.acme",
    }


def test_pages_are_read_by_their_ids(catalogue):
    request = plan_pages_by_id(catalogue["document"], ["title"], ["1", "2"])

    assert query(request)["id"] == "in.(1,2)"


def test_documents_come_in_pages_with_the_latest_first():
    first, next_ = plan_recent_documents(50, None), plan_recent_documents(50, ["2026", "1"])

    assert query(first)["limit"] == "51"
    assert query(first)["order"] == "updated_at.desc,id.asc"
    assert "or" not in query(first)
    assert query(next_)["updated_at"] == "lte.2026"
    assert query(next_)["or"] == "(updated_at.lt.2026,and(updated_at.eq.2026,id.gt.1))"


def test_projects_come_with_the_latest_first():
    assert query(plan_recent_projects(20))["order"] == "updated_at.desc,id.asc"
    assert query(plan_recent_projects(20))["limit"] == "20"


def test_what_is_held_is_read_in_its_order():
    assert query(plan_documents_of("1"))["order"] == "name.asc,id.asc"
    assert query(plan_children("1", 10))["order"] == "position.asc,id.asc"
    assert query(plan_requirement_keys("1", 10)) == {
        "select": "key",
        "document_id": "eq.1",
        "limit": "10",
    }
    assert query(plan_document_of("1", "requirements"))["id"] == "eq.1"


def test_names_are_completed_by_beginning_or_title():
    items = query(plan_items_like("ve_h", ("document",), "acme", 10))

    assert items["or"] == '(key.ilike."ve\\\\_h%",title.ilike."%ve\\\\_h%")'
    assert items["type"] == "in.(document)"
    assert items["projects.organizations.slug"] == "eq.acme"
    assert query(plan_orgs_like("a", 10))["or"] == '(slug.ilike."a%",name.ilike."%a%")'
    assert query(plan_projects_like("a", "acme", 10))["organizations.slug"] == "eq.acme"


def test_without_anything_typed_all_names_are_offered():
    for request in (
        plan_items_like("", ("document",), None, 10),
        plan_orgs_like("", 10),
        plan_projects_like("", None, 10),
    ):
        assert "or" not in query(request)
        assert not [name for name in query(request) if name.endswith("slug")]
