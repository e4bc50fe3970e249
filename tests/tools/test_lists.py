import re
import uuid

import asyncpg
import pytest

from atoms_mcp.tools.lists import how_to_read

REQUIREMENT = {"entity_type": "requirement"}


@pytest.fixture
def fill(workspace, project):
    async def fill(first, last, **data):
        return await workspace.call(
            "ada",
            operation="create",
            parent=project.document,
            items=[{"title": f"Row {n}"} | data for n in range(first, last)],
            **REQUIREMENT,
        )

    return fill


async def pages(workspace, **arguments):
    """Read page after page, and give all items and the answers."""
    items, answers, more = [], [], {}
    while True:
        answers.append(await workspace.call("ada", **arguments, **more))
        items += answers[-1]["items"]
        if not answers[-1]["page"]["has_more"]:
            return items, answers
        more = {"cursor": answers[-1]["page"]["next_cursor"]}


@pytest.mark.requirement("page-stable")
@pytest.mark.parametrize("sort", ["-updated_at", "created_at", "title", "-position"])
async def test_paging_loses_and_doubles_nothing_while_rows_are_added(
    workspace, project, fill, sort
):
    await fill(0, 60)
    arguments = {"operation": "list", "parent": project.key, "sort": sort, "limit": 7}
    seen, cursor = [], {}
    while True:
        page = await workspace.call("ada", **arguments, **REQUIREMENT, **cursor)
        seen += [item["key"] for item in page["items"]]
        if not page["page"]["has_more"]:
            break
        await fill(900, 901)
        cursor = {"cursor": page["page"]["next_cursor"]}

    old = {project.item(n) for n in range(1, 61)}
    assert len(seen) == len(set(seen))
    assert old <= set(seen)


@pytest.mark.parametrize("title", ["*", "a*B", "**", "*.(x)+[y]{2}|^$?\\_%", "***:a"])
async def test_a_title_is_filtered_as_it_stands(workspace, project, title):
    titles = [title, "x", "%", "_", "aXb", "axxb", "ab", "xx", "a"]
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": one} for one in titles],
        **REQUIREMENT,
    )

    found = await workspace.call(
        "ada", operation="list", parent=project.key, filters={"title": title}, **REQUIREMENT
    )

    assert [item["title"] for item in found["items"]] == [title]


async def test_a_batch_of_one_moment_is_paged_by_its_tie_breaker(workspace, project, fill):
    await fill(0, 25)

    items, _ = await pages(workspace, operation="list", parent=project.key, limit=4, **REQUIREMENT)

    assert len({item["key"] for item in items}) == 25


async def test_the_reading_order_rules_inside_a_document(workspace, project, fill):
    await fill(0, 3)

    inside = await workspace.call("ada", operation="list", parent=project.document, **REQUIREMENT)

    assert [item["title"] for item in inside["items"]] == ["Row 0", "Row 1", "Row 2"]


async def test_an_offset_skips_rows_and_then_a_cursor_goes_on(workspace, project, fill):
    await fill(0, 10)
    arguments = {"operation": "list", "parent": project.document, "limit": 3, **REQUIREMENT}

    page = await workspace.call("ada", offset=4, **arguments)
    following = await workspace.call("ada", cursor=page["page"]["next_cursor"], **arguments)

    assert [item["title"] for item in page["items"]] == ["Row 4", "Row 5", "Row 6"]
    assert [item["title"] for item in following["items"]] == ["Row 7", "Row 8", "Row 9"]


async def test_a_total_is_there_when_asked_for(workspace, project, fill):
    await fill(0, 5)

    page = await workspace.call(
        "ada", operation="list", parent=project.key, limit=2, include=["total"], **REQUIREMENT
    )

    assert page["page"]["total"] == 5


@pytest.mark.requirement("base-handles", "t24-cursors")
async def test_a_cursor_is_bound_to_user_filters_sort_and_place(workspace, project, fill, invite):
    await fill(0, 5)
    invite("vic", "viewer")
    arguments = {"operation": "list", "parent": project.key, "limit": 2, **REQUIREMENT}
    page = await workspace.call("ada", **arguments)
    cursor = page["page"]["next_cursor"]

    for who, changed in (
        ("vic", {}),
        ("ada", {"filters": {"status": "draft"}}),
        ("ada", {"sort": "title"}),
        ("ada", {"parent": project.document}),
        ("ada", {"operation": "search", "query": "row"}),
        ("ada", {"cursor": cursor[:-3]}),
    ):
        error = await workspace.refused(who, **({"cursor": cursor} | arguments | changed))
        assert error.code == "invalid_cursor", changed
        assert "without cursor" in error.fix
    assert await workspace.call("ada", cursor=cursor, **(arguments | {"limit": 50}))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "draft"}, {"A", "B"}),
        ({"status": ["draft", "in_review"], "priority": "high"}, {"B", "C"}),
        ({"tag": ["red", "blue"]}, {"A", "C"}),
        ({"name": "b"}, {"B"}),
        ({"external_id": ["x-1", "x-2"]}, {"A", "B"}),
        ({"created_by": "me"}, {"A", "B", "C"}),
        ({"updated_by": ["ada@acme.example"]}, {"A", "B", "C"}),
        ({"created_by": "vic@acme.example"}, set()),
        ({"updated_after": "2000-01-01"}, {"A", "B", "C"}),
        ({"updated_before": "2000-01-01"}, set()),
        ({"kind": "safety"}, {"C"}),
        ({"deleted": True}, {"D"}),
    ],
)
async def test_filters_choose_rows(workspace, project, filters, expected):
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[
            {"title": "A", "tags": ["red"], "external_id": "x-1"},
            {"title": "B", "priority": "high", "external_id": "x-2"},
            {"title": "C", "status": "in_review", "priority": "high", "kind": "safety"}
            | {"tags": ["blue", "green"]},
            {"title": "D"},
        ],
        **REQUIREMENT,
    )
    await workspace.call("ada", operation="delete", entity_id=project.item(4), **REQUIREMENT)

    answer = await workspace.call(
        "ada", operation="list", parent=project.key, filters=filters, **REQUIREMENT
    )

    assert {item["title"] for item in answer["items"]} == expected


async def test_rows_can_be_filtered_by_the_document_they_stand_in(workspace, project, fill):
    await fill(0, 2)
    arguments = {"operation": "list", "parent": project.key, **REQUIREMENT}

    answer = await workspace.call("ada", filters={"document": project.document}, **arguments)
    error = await workspace.refused("ada", filters={"document": "NONE-DOC-1"}, **arguments)

    assert len(answer["items"]) == 2
    assert (error.code, error.details["field"]) == ("not_found", "filters.document")


async def test_fields_choose_columns_and_ids_are_shown_as_names(workspace, project, fill):
    await fill(0, 1)

    answer = await workspace.call(
        "ada",
        operation="list",
        parent=project.key,
        fields=["document", "created_by", "position"],
        **REQUIREMENT,
    )

    assert answer["items"] == [
        {
            "key": project.item(1),
            "document": project.document,
            "created_by": "ada@acme.example",
            "position": 1024,
        }
    ]


async def test_an_empty_list_of_a_place_that_is_not_there_is_no_answer(workspace, project):
    nowhere = "0ac3e000-0000-4000-8000-0000000000ff"

    error = await workspace.refused("ada", operation="list", entity_type="document", parent=nowhere)
    empty = await workspace.call("ada", operation="list", parent=project.key, **REQUIREMENT)

    assert error.message == f"there is no project '{nowhere}' that you can see."
    assert empty["items"] == []
    assert empty["page"] == {"returned": 0, "has_more": False}


async def test_an_empty_list_of_a_place_that_is_there_is_one(workspace, project):
    read = await workspace.call(
        "ada", operation="read", entity_type="document", entity_id=project.document, fields=["id"]
    )

    answer = await workspace.call(
        "ada", operation="list", entity_type="block", parent=read["item"]["id"]
    )

    assert answer["items"] == []


async def test_an_empty_project_given_by_uuid_is_a_place(workspace, project):
    read = await workspace.call(
        "ada", operation="read", entity_type="project", entity_id=project.key, fields=["id"]
    )

    answer = await workspace.call(
        "ada",
        operation="list",
        entity_type="document",
        parent=read["item"]["id"],
        filters={"status": "approved"},
    )

    assert answer["items"] == []


async def test_more_than_an_answer_holds_is_cut_and_named_and_paged(workspace, project, fill):
    await fill(0, 60, description="x" * 3000)

    items, answers = await pages(
        workspace,
        operation="list",
        parent=project.document,
        limit=100,
        format="full",
        **REQUIREMENT,
    )

    assert [item["title"] for item in items] == [f"Row {n}" for n in range(60)]
    assert len(answers) > 1
    first = answers[0]
    assert first["truncated"][0] == {
        "of": project.item(1),
        "field": "description",
        "chars": 3000,
        "get": f'operation read, entity_id "{project.item(1)}", fields ["description"]',
    }
    assert "next_cursor goes on" in first["warnings"][0]


async def test_a_question_too_long_for_one_request_is_refused(workspace):
    error = await workspace.refused(
        "ada", operation="search", entity_type="project", query="漢" * 900
    )
    tags = await workspace.refused(
        "ada",
        operation="list",
        parent="VEH",
        filters={"tag": [f"{n} " + "x" * 300 for n in range(50)]},
        **REQUIREMENT,
    )

    assert error.code == tags.code == "limit_exceeded"


async def test_the_longest_list_in_full_fits_its_queries(workspace, project, fill):
    await fill(0, 100)
    await workspace.call(
        "ada",
        operation="create",
        parent=project.document,
        items=[{"title": f"Below {n}", "parent": project.item(n)} for n in range(1, 101)],
        **REQUIREMENT,
    )

    answer = await workspace.call(
        "ada",
        operation="list",
        parent=project.document,
        sort="-position",
        limit=100,
        fields=["parent", "document"],
        **REQUIREMENT,
    )

    assert {item["parent"] for item in answer["items"]} == {project.item(n) for n in range(1, 101)}


async def test_search_ranks_and_shows_where_it_hit(workspace):
    answer = await workspace.call(
        "vic", operation="search", parent="VEH", query="brake pressure", **REQUIREMENT
    )

    assert answer["items"][0]["key"] == "VEH-REQ-5"
    assert "pressure" in answer["items"][0]["snippet"]
    assert answer["scope"] == "acme/VEH"


async def test_a_key_finds_its_item_first(workspace):
    answer = await workspace.call("ada", operation="search", query="veh-req-3", **REQUIREMENT)

    assert answer["items"][0]["key"] == "VEH-REQ-3"


async def test_words_that_are_nowhere_find_nothing(workspace):
    answer = await workspace.call("ada", operation="search", query="zzyzx", **REQUIREMENT)

    assert answer["items"] == []


async def test_search_pages_by_rank(workspace, project, fill):
    await fill(0, 23, description="flux capacitor")

    items, answers = await pages(
        workspace, operation="search", parent=project.key, query="flux", limit=5, **REQUIREMENT
    )

    assert len({item["key"] for item in items}) == 23
    assert len(answers) == 5


async def test_search_filters_among_the_best_hits_and_goes_on_below_them(workspace, project, fill):
    await fill(0, 100, description="flux flux flux flux")
    await fill(100, 110, description="flux", priority="critical")
    arguments = {
        "operation": "search",
        "parent": project.document,
        "query": "flux",
        "filters": {"priority": "critical"},
        "limit": 4,
        **REQUIREMENT,
    }

    items, answers = await pages(workspace, **arguments)

    assert sorted(item["title"] for item in items) == [f"Row {n}" for n in range(100, 110)]
    assert any("best 100 hits" in str(answer.get("warnings")) for answer in answers)


async def test_search_in_full_gives_fields_instead_of_snippets(workspace):
    answer = await workspace.call(
        "ada", operation="search", parent="VEH", query="noise", format="full", **REQUIREMENT
    )

    assert "62 dB" in answer["items"][0]["description"]
    assert "snippet" not in answer["items"][0]


async def test_search_looks_everywhere_in_an_organization_or_in_all(workspace):
    for parent in ("acme", "*", None):
        given = {"parent": parent} if parent else {}
        answer = await workspace.call(
            "ada", operation="search", query="cabin noise", **given, **REQUIREMENT
        )
        assert answer["items"][0]["key"] == "VEH-REQ-3"


@pytest.mark.parametrize(
    ("entity_type", "query", "handle"),
    [
        ("project", "vehic", "VEH"),
        ("organization", "ACM", "acme"),
        ("profile", "vic@", "vic@acme.example"),
    ],
)
async def test_the_few_are_searched_by_what_they_contain(workspace, entity_type, query, handle):
    answer = await workspace.call("ada", operation="search", entity_type=entity_type, query=query)

    assert handle in [
        item.get("key") or item.get("slug") or item.get("email") for item in answer["items"]
    ]


@pytest.fixture
async def crowd(workspace, stack):
    """An organization with people who have no e-mail address: its slug, and the ids of all."""
    slug = f"crowd-{uuid.uuid4().hex[:8]}"
    await workspace.call(
        "ada",
        operation="create",
        entity_type="organization",
        data={"title": "Crowd", "slug": slug},
    )
    people = {str(uuid.uuid4()): f"{n}@{slug}.example" if n < 3 else None for n in range(8)}
    connection = await asyncpg.connect(stack.dsn)
    try:
        for user_id, email in people.items():
            await connection.execute(
                "insert into auth.users (id, email) values ($1, $2)", user_id, email
            )
            await connection.execute(
                "insert into organization_members (organization_id, user_id, role) "
                "select id, $2, 'member' from organizations where slug = $1",
                slug,
                user_id,
            )
    finally:
        await connection.close()
    return slug, people


@pytest.mark.parametrize("limit", [1, 3, 4])
@pytest.mark.parametrize("sort", ["email", "-email"])
async def test_people_without_an_address_come_last_and_all_of_them(workspace, crowd, sort, limit):
    slug, people = crowd

    items, _ = await pages(
        workspace,
        operation="list",
        entity_type="member",
        parent=slug,
        fields=["email", "user_id"],
        sort=sort,
        limit=limit,
    )

    shown = [item.get("email") for item in items]
    named = sorted((email for email in shown if email), reverse=sort == "-email")
    assert shown == [*named, *[None] * 5]
    assert len(items) == len(people) + 1
    assert {item["user_id"] for item in items} > people.keys()


async def test_profiles_without_an_address_are_listed_too(workspace, crowd):
    _, people = crowd

    items, _ = await pages(
        workspace, operation="list", entity_type="profile", fields=["id"], limit=3
    )

    ids = [item["id"] for item in items]
    assert people.keys() < set(ids)
    assert len(ids) == len(set(ids))


async def test_members_are_searched_in_their_place(workspace):
    answer = await workspace.call(
        "ada", operation="search", entity_type="member", parent="acme/VEH", query="vic"
    )

    assert [item["role"] for item in answer["items"]] == ["viewer"]


async def test_history_tells_who_changed_what_newest_first(workspace, project, fill, invite):
    await fill(0, 1)
    invite("vic", "editor")
    change = {"operation": "update", "entity_id": project.item(1), **REQUIREMENT}
    await workspace.call("vic", data={"priority": "high"}, **change)
    await workspace.call("ada", data={"description": "More."}, **change)
    arguments = {"operation": "history", "entity_id": project.item(1), **REQUIREMENT}

    brief = await workspace.call("ada", **arguments)
    full = await workspace.call("ada", format="full", **arguments)

    told = [(item["version"], item["op"], item["by"]) for item in brief["items"]]
    assert told == [
        (3, "update", "ada@acme.example"),
        (2, "update", "vic@acme.example"),
        (1, "create", "ada@acme.example"),
    ]
    assert brief["items"][1]["changed"] == ["priority"]
    assert full["items"][0]["values"] == {"description": "More."}
    assert full["items"][2]["values"]["document"] == project.document


async def test_history_is_paged(workspace, project, fill):
    await fill(0, 1)
    for n in range(5):
        await workspace.call(
            "ada",
            operation="update",
            entity_id=project.item(1),
            data={"title": f"Version {n}"},
            **REQUIREMENT,
        )

    items, answers = await pages(
        workspace, operation="history", entity_id=project.item(1), limit=2, **REQUIREMENT
    )

    assert [item["version"] for item in items] == [6, 5, 4, 3, 2, 1]
    assert len(answers) == 3


async def test_long_values_in_a_history_are_cut_and_named(workspace, project, fill):
    await fill(0, 1, description="x" * 40_000)

    answer = await workspace.call(
        "ada", operation="history", entity_id=project.item(1), format="full", **REQUIREMENT
    )

    assert answer["truncated"][0]["field"] == "values"
    assert "shows more of version 1" in answer["truncated"][0]["get"]


async def test_how_to_see_more_of_a_revision_leads_to_that_one(workspace, project, fill):
    await fill(0, 1, description="x" * 20_000)
    history = {"operation": "history", "entity_id": project.item(1), **REQUIREMENT}
    for letter in "yz":
        data = {"description": letter * 20_000}
        await workspace.call("ada", **history | {"operation": "update", "data": data})

    cut = await workspace.call("ada", format="full", **history)
    note = next(note for note in cut["truncated"] if note["of"] == "2")
    said = re.search(r'format "(\w+)", limit (\d+), cursor "([^"]+)"', note["get"])
    shown = await workspace.call(
        "ada", format=said[1], limit=int(said[2]), cursor=said[3], **history
    )

    assert [item["version"] for item in shown["items"]] == [2]
    assert shown["items"][0]["values"]["description"] == "y" * 20_000


async def test_what_has_no_history_in_sight_is_not_found(workspace):
    for entity_id in ("0ac3e000-0000-4000-8000-0000000000ff", "VEH-DOC-1"):
        error = await workspace.refused(
            "bob", operation="history", entity_id=entity_id, **REQUIREMENT
        )
        assert error.code == "not_found"


def test_how_to_read_more_is_a_call():
    assert how_to_read("VEH-REQ-1", "description") == (
        'operation read, entity_id "VEH-REQ-1", fields ["description"]'
    )
