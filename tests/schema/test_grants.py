"""What the API roles may touch at all, before any row is looked at."""

import pytest

TABLES = {
    "profiles",
    "organizations",
    "organization_members",
    "projects",
    "project_members",
    "project_counters",
    "items",
    "documents",
    "document_blocks",
    "requirements",
    "revisions",
    "user_context",
    "mcp_grants",
}
VIEWS = {
    "organization_overview",
    "project_overview",
    "document_outline",
    "member_overview",
    "item_history",
}
FUNCTIONS = {"create_organization", "create_project", "search_items", "explain_access"}

REQUIREMENT_TEXT = (
    "document_id parent_id external_id position name description rationale status priority level"
    " format kind verification tags fields source"
)
# The whole of what a signed-in user may write: table -> (insert, update, delete).
WRITABLE = {
    "profiles": ("", "display_name avatar_url", False),
    "organizations": ("", "name slug description settings deleted_at", False),
    "organization_members": ("", "role status", True),
    "projects": (
        "",
        "name slug description status visibility tags settings deleted_at",
        False,
    ),
    "project_members": ("project_id user_id role", "role", True),
    "project_counters": ("", "", False),
    "items": ("", "", False),
    "revisions": ("", "", False),
    "documents": (
        "id project_id name description status tags",
        "name description status tags deleted_at",
        False,
    ),
    "document_blocks": (
        "id project_id document_id kind heading_level body content position",
        "document_id kind heading_level body content position deleted_at",
        False,
    ),
    "requirements": (f"id project_id {REQUIREMENT_TEXT}", f"{REQUIREMENT_TEXT} deleted_at", False),
    "user_context": (
        "user_id organization_id project_id document_id recent",
        "user_id organization_id project_id document_id recent",
        True,
    ),
    "mcp_grants": (
        "id client_key client_name client_host redirect_host scope session_id",
        "scope session_id last_used_at",
        True,
    ),
}
COLUMNS = """
select a.attname from pg_attribute as a
where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
  and has_column_privilege($2, a.attrelid, a.attname, $3)
"""


async def relations(world, kind):
    rows = await world.run(
        "operator",
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        ' and relkind = $1::text::"char"',
        kind,
    )
    return {row["relname"] for row in rows}


async def columns(world, table, role, privilege):
    rows = await world.run("operator", COLUMNS, f"public.{table}", role, privilege)
    return {row["attname"] for row in rows}


async def test_the_schema_is_these_tables_and_views(world):
    assert await relations(world, "r") == TABLES
    assert await relations(world, "v") == VIEWS


async def test_each_table_has_row_level_security(world):
    rows = await world.run(
        "operator",
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind = 'r' and relrowsecurity",
    )
    assert {row["relname"] for row in rows} == TABLES


async def test_each_view_reads_with_the_rights_of_its_reader(world):
    rows = await world.run(
        "operator",
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
        " and relkind = 'v' and reloptions @> array['security_invoker=true']",
    )
    assert {row["relname"] for row in rows} == VIEWS


async def test_no_policy_is_for_anybody_but_the_signed_in(world):
    rows = await world.run("operator", "select roles::text[] from pg_policies")
    assert rows
    assert {tuple(row["roles"]) for row in rows} == {("authenticated",)}


async def test_policies_name_no_role_of_their_own(world):
    """Each asks app.needed_role, or compares with the caller; 'owner' is what a row may say."""
    rows = await world.run(
        "operator",
        "select tablename, concat(qual, ' ', with_check) as text from pg_policies"
        " where schemaname = 'public'",
    )
    for row in rows:
        assert "needed_role" in row["text"] or "auth.uid" in row["text"], row["tablename"]
        for role in ("'admin'", "'maintainer'", "'editor'", "'viewer'", "'member'", "'guest'"):
            assert role not in row["text"], row["tablename"]


@pytest.mark.parametrize("table", sorted(TABLES))
async def test_users_may_write_these_columns_and_no_other(world, table):
    insert, update, is_deletable = WRITABLE[table]
    assert await columns(world, table, "authenticated", "insert") == set(insert.split())
    assert await columns(world, table, "authenticated", "update") == set(update.split())
    assert is_deletable == await world.value(
        "operator", "select has_table_privilege('authenticated', $1, 'delete')", f"public.{table}"
    )


@pytest.mark.parametrize("relation", sorted(TABLES | VIEWS))
async def test_users_may_read_all_but_the_counters(world, relation):
    is_readable = await world.value(
        "operator",
        "select has_table_privilege('authenticated', $1, 'select')",
        f"public.{relation}",
    )
    assert is_readable == (relation != "project_counters")


@pytest.mark.parametrize("relation", sorted(TABLES | VIEWS))
@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_nobody_may_truncate_refer_to_or_put_triggers_on_a_table(world, relation, role):
    """TRUNCATE asks no policy, and hosted Supabase grants it on every new public table."""
    assert not await world.value(
        "operator",
        "select has_table_privilege($1, $2, 'truncate, references, trigger')",
        role,
        f"public.{relation}",
    )


@pytest.mark.parametrize("view", sorted(VIEWS))
async def test_views_are_for_reading(world, view):
    for privilege in ("insert", "update"):
        assert not await columns(world, view, "authenticated", privilege)


@pytest.mark.parametrize("relation", sorted(TABLES | VIEWS))
async def test_anon_has_no_right_on_any_table(world, relation):
    for privilege in ("select", "insert", "update", "references"):
        assert not await columns(world, relation, "anon", privilege)
    assert not await world.value(
        "operator",
        "select has_table_privilege('anon', $1, 'delete, truncate, trigger')",
        f"public.{relation}",
    )


@pytest.mark.parametrize("relation", sorted(TABLES | VIEWS))
async def test_anon_is_refused_at_the_door(world, relation):
    await world.refused("anon", f"select * from {relation}")  # noqa: S608 - a name of this file


async def executable(world, role, schema):
    rows = await world.run(
        "operator",
        "select p.proname from pg_proc as p where p.pronamespace = $2::regnamespace"
        " and has_function_privilege($1, p.oid, 'execute')",
        role,
        schema,
    )
    return {row["proname"] for row in rows}


async def test_anon_may_call_nothing(world):
    assert await executable(world, "anon", "public") == set()
    assert await executable(world, "anon", "app") == set()
    assert not await world.value("operator", "select has_schema_privilege('anon', 'app', 'usage')")


async def test_users_may_call_the_four_functions_of_the_api(world):
    assert await executable(world, "authenticated", "public") == FUNCTIONS


async def test_users_may_call_only_helpers_that_speak_of_themselves(world):
    assert await executable(world, "authenticated", "app") == {
        "needed_role",
        "my_orgs",
        "my_projects",
        "my_colleagues",
        "my_organization_role",
        "my_project_role",
        "find_hits",
    }


async def test_definer_functions_search_no_path(world):
    rows = await world.run(
        "operator",
        "select proname from pg_proc where pronamespace in ('app'::regnamespace,"
        " 'public'::regnamespace) and prosecdef"
        " and not coalesce(proconfig @> array['search_path=\"\"'], false)",
    )
    assert not rows


@pytest.mark.parametrize(
    "call",
    [
        "app.add_organization(gen_random_uuid(), 'x', 'x', null, 'team', gen_random_uuid())",
        "app.next_number(gen_random_uuid(), 'REQ')",
        "app.welcome(gen_random_uuid(), 'x@y.z', '{}')",
        "app.granters('project', gen_random_uuid(), gen_random_uuid(), 'viewer')",
        "app.require_project_role(gen_random_uuid(), 'document', 'read')",
        "app.is_trusted()",
    ],
)
async def test_inner_helpers_cannot_be_called_by_a_user(world, call):
    await world.refused("owner", f"select {call}")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("requirements", "version", "7"),
        ("requirements", "content_version", "7"),
        ("requirements", "created_by", "gen_random_uuid()"),
        ("requirements", "updated_by", "gen_random_uuid()"),
        ("requirements", "created_at", "now()"),
        ("requirements", "key", "'VEH-REQ-99'"),
        ("requirements", "organization_id", "gen_random_uuid()"),
        ("requirements", "project_id", "gen_random_uuid()"),
        ("requirements", "id", "gen_random_uuid()"),
        ("requirements", "deleted_by", "gen_random_uuid()"),
        ("documents", "project_id", "gen_random_uuid()"),
        ("projects", "key", "'XXX'"),
        ("projects", "organization_id", "gen_random_uuid()"),
        ("organizations", "kind", "'enterprise'"),
        ("organizations", "created_by", "gen_random_uuid()"),
        ("profiles", "email", "'root@example.com'"),
        ("organization_members", "user_id", "gen_random_uuid()"),
        ("project_members", "project_id", "gen_random_uuid()"),
        ("items", "title", "'x'"),
        ("revisions", "snapshot", "'{}'"),
        ("project_counters", "last_value", "0"),
        ("mcp_grants", "user_id", "gen_random_uuid()"),
        ("mcp_grants", "id", "gen_random_uuid()"),
        ("mcp_grants", "client_name", "'x'"),
        ("mcp_grants", "created_at", "now()"),
    ],
)
async def test_an_owner_cannot_set_what_triggers_write(world, table, column, value):
    await world.refused("owner", f"update {table} set {column} = {value}")  # noqa: S608 - as above
