import pytest

from atoms_mcp.entities.call import Sort, default_sort, parse_call
from atoms_mcp.errors import ToolError


@pytest.fixture
def parse(catalogue):
    def parse(operation="list", entity_type="requirement", **arguments):
        return parse_call(
            catalogue, {"operation": operation, "entity_type": entity_type} | arguments
        )

    return parse


def test_a_list_has_defaults(parse):
    call = parse()

    assert (call.limit, call.format, call.sort, call.filters) == (20, "concise", None, {})
    assert call.chosen() == ("key", "title", "status", "priority", "version", "deleted_at")


def test_a_read_is_full_unless_told_otherwise(parse, requirement):
    assert parse("read", entity_id="X").chosen() == tuple(requirement.fields)
    assert "description" not in parse("read", entity_id="X", format="concise").chosen()


def test_what_names_an_entity_is_always_shown(parse):
    assert parse(fields=["status", "status"]).chosen() == ("key", "status")


def test_filters_are_brought_into_one_form(parse):
    call = parse(
        filters={
            "status": "draft",
            "priority": ["low", "high"],
            "updated_after": "2026-11-23",
            "deleted": True,
        }
    )

    assert call.filters == {
        "status": ("draft",),
        "priority": ("low", "high"),
        "updated_after": "2026-11-23T00:00:00+00:00",
        "deleted": True,
    }


def test_a_sort_names_a_column_and_a_direction(parse, requirement):
    assert parse(sort="-title").sort == Sort("-title", "name", is_descending=True)
    assert default_sort(requirement, is_inside=False).name == "-updated_at"
    assert default_sort(requirement, is_inside=True).name == "position"


def test_rows_to_create_are_one_or_a_batch(parse):
    one = parse("create", data={"title": " A "})
    batch = parse("create", items=[{"title": "A"}, {"title": "B"}])

    assert (one.rows, one.is_batch) == (({"title": "A"},), False)
    assert (len(batch.rows), batch.is_batch) == (2, True)


def test_ids_are_asked_for_once(parse):
    assert parse("read", ids=["A", "B", "A"]).ids == ("A", "B")


def test_every_value_that_cannot_be_is_named_at_once(parse):
    with pytest.raises(ToolError) as caught:
        parse("create", data={"title": " ", "status": "pending"}, fields=["nothing"])

    assert "data.title must have at least 1" in caught.value.message
    assert "data.status cannot be 'pending'" in caught.value.message
    assert "unknown requirement field fields.nothing" in caught.value.message


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        ("list", {"sort": "size"}, "sort cannot be 'size'"),
        ("list", {"include": ["children"]}, "include cannot be 'children'"),
        ("read", {"entity_id": "X", "include": ["total"]}, "include cannot be 'total'"),
        ("update", {"entity_id": "X", "data": {}}, "data is empty"),
        ("search", {"query": "  "}, "query is empty"),
        ("list", {"filters": {"status": "pending"}}, "filters.status cannot be 'pending'"),
    ],
)
def test_a_value_that_has_no_meaning_here_is_refused(parse, operation, arguments, said):
    with pytest.raises(ToolError, match=said):
        parse(operation, **arguments)


def test_organizations_are_created_one_at_a_time(parse):
    with pytest.raises(ToolError, match="organizations are created one at a time"):
        parse("create", "organization", items=[{"title": "Acme"}])


def test_members_are_read_one_at_a_time(parse):
    with pytest.raises(ToolError, match="members are read one at a time"):
        parse("read", "member", ids=["a@b"])


def test_what_means_nothing_is_warned_about(parse):
    call = parse("delete", entity_id="X", limit=5, format="full", sort="title")

    assert call.warnings == (
        "sort means nothing for delete and was not used",
        "limit means nothing for delete and was not used",
        "format means nothing for delete and was not used",
    )


def test_a_type_says_what_it_can_bring_along(parse):
    assert parse("list", "project", include=["counts", "total"]).include == {"counts", "total"}
    assert parse("read", "document", entity_id="X", include=["blocks", "counts"])
    assert parse("read", "profile", entity_id="me").include == frozenset()
