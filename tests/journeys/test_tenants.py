"""What is Ada's stays Ada's: Bob finds no way to it, Vic may read and is told why not write."""

import httpx
import pytest

READS = [
    {"operation": "read", "entity_type": "project", "entity_id": "acme/VEH"},
    {"operation": "read", "entity_type": "requirement", "entity_id": "VEH-REQ-1"},
    {"operation": "history", "entity_type": "requirement", "entity_id": "VEH-REQ-1"},
    {"operation": "read", "entity_type": "document", "entity_id": "VEH-DOC-1"},
    {"operation": "list", "entity_type": "requirement", "parent": "acme/VEH"},
    {"operation": "list", "entity_type": "member", "parent": "acme"},
    {"operation": "read", "entity_type": "organization", "entity_id": "acme"},
]
WRITES = [
    {
        "operation": "update",
        "entity_type": "requirement",
        "entity_id": "VEH-REQ-1",
        "data": {"priority": "critical"},
    },
    {
        "operation": "create",
        "entity_type": "requirement",
        "parent": "VEH-DOC-1",
        "data": {"title": "Planted"},
    },
    {"operation": "delete", "entity_type": "document", "entity_id": "VEH-DOC-1"},
    {
        "operation": "create",
        "entity_type": "document",
        "parent": "acme/VEH",
        "data": {"title": "Planted"},
    },
]
TABLES = [
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
]


def name(arguments):
    return f"{arguments['operation']}-{arguments['entity_type']}"


@pytest.mark.requirement("tools-access")
@pytest.mark.parametrize("arguments", READS + WRITES, ids=name)
def test_what_is_of_another_tenant_is_not_found(server, tokens, arguments):
    result = server.call(tokens["bob"], "entity_tool", **arguments)

    assert result["isError"]
    assert result["structuredContent"]["error"]["code"] == "not_found"


@pytest.mark.parametrize("arguments", WRITES, ids=name)
def test_a_viewer_is_told_which_role_is_needed(server, tokens, arguments):
    result = server.call(tokens["vic"], "entity_tool", **arguments)

    error = result["structuredContent"]["error"]
    assert error["code"] == "forbidden"
    assert error["your_role"] == "viewer"
    assert error["needed_role"] in {"editor", "maintainer"}
    assert error["needed_role"] in result["content"][0]["text"]


@pytest.mark.parametrize("arguments", READS, ids=name)
def test_a_viewer_may_read(server, tokens, arguments):
    assert not server.call(tokens["vic"], "entity_tool", **arguments).get("isError")


def rest(stack, token, method, path, **more):
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token}"}
    headers |= {"Prefer": "return=representation"}
    return httpx.request(method, f"{stack.url}/rest/v1/{path}", headers=headers, **more)


@pytest.fixture(scope="module")
def acme(stack, tokens):
    """Ids that Bob could have got hold of."""
    (project,) = rest(stack, tokens["ada"], "GET", "projects?key=eq.VEH").json()
    return {"project_id": project["id"], "organization_id": project["organization_id"]}


@pytest.mark.parametrize("table", TABLES)
def test_raw_rest_shows_a_stranger_no_row(stack, tokens, acme, table):
    column = "id" if table in {"organizations", "organization_overview"} else "organization_id"
    if table == "document_outline":
        path = f"{table}?project_id=eq.{acme['project_id']}"
    else:
        path = f"{table}?{column}=eq.{acme['organization_id']}"

    assert rest(stack, tokens["ada"], "GET", path).json()
    assert rest(stack, tokens["bob"], "GET", path).json() == []


def test_raw_rest_lets_a_stranger_plant_nothing(stack, tokens, acme):
    bob_id = httpx.get(
        f"{stack.url}/auth/v1/user",
        headers={"apikey": stack.anon_key, "Authorization": f"Bearer {tokens['bob']}"},
    ).json()["id"]
    attempts = [
        ("organization_members", acme | {"user_id": bob_id, "role": "owner"}),
        ("project_members", acme | {"user_id": bob_id, "role": "owner"}),
        ("documents", acme | {"name": "Planted"}),
        ("items", acme | {"type": "document", "key": "X", "title": "Planted"}),
    ]
    for table, row in attempts:
        answer = rest(stack, tokens["bob"], "POST", table, json=row)
        assert answer.status_code in {400, 403}, (table, answer.text)


def test_raw_rest_changes_no_row_of_another_tenant(stack, tokens, acme):
    where = f"projects?id=eq.{acme['project_id']}"

    changed = rest(stack, tokens["bob"], "PATCH", where, json={"name": "Mine"})
    kept = rest(stack, tokens["ada"], "GET", where).json()

    assert changed.json() == []
    assert kept[0]["name"] != "Mine"


def test_without_a_user_raw_rest_shows_nothing(stack):
    answer = httpx.get(f"{stack.url}/rest/v1/projects", headers={"apikey": stack.anon_key})

    assert answer.status_code == 401
    assert answer.json()["code"] == "42501"
