import pytest

from atoms_mcp.entities.arguments import accept_entity
from atoms_mcp.errors import ToolError


@pytest.fixture
def accept(catalogue):
    def accept(operation="list", entity_type="requirement", **arguments):
        return accept_entity(
            catalogue, {"operation": operation, "entity_type": entity_type} | arguments
        )

    return accept


@pytest.fixture
def refuse(accept):
    def refuse(*args, **arguments):
        with pytest.raises(ToolError) as caught:
            accept(*args, **arguments)
        assert caught.value.code == "invalid_argument"
        return caught.value

    return refuse


def test_the_call_of_the_first_server_works_as_it_stands(catalogue):
    call = {"operation": "list", "entity_type": "project"}

    assert accept_entity(catalogue, call) == call


def test_name_is_another_word_for_title(accept):
    accepted = accept("create", parent="VEH-DOC-1", data={"name": "Horn"})

    assert accepted["data"] == {"title": "Horn"}
    assert accept("create", items=[{"name": "Horn"}])["items"] == [{"title": "Horn"}]
    assert accept(filters={"name": "Horn"})["filters"] == {"title": "Horn"}
    assert accept(fields=["name", "status"])["fields"] == ["title", "status"]
    assert accept(sort="-name")["sort"] == "-title"


def test_a_field_given_by_two_names_must_agree(accept, refuse):
    same = {"name": "Horn", "title": "Horn"}
    assert accept("create", data=same)["data"] == {"title": "Horn"}

    error = refuse("create", data={"name": "Horn", "title": "Bell"})

    assert error.message == "data.title is given twice, with different values."


def test_an_unknown_type_is_told_the_nearest(refuse):
    error = refuse(entity_type="projekt")

    assert "entity_type cannot be 'projekt'" in error.message
    assert error.details["did_you_mean"] == "project"


def test_a_missing_type_is_told_all(catalogue):
    with pytest.raises(ToolError, match="use one of: organization, project, document"):
        accept_entity(catalogue, {"operation": "list"})


def test_a_missing_or_unknown_operation_is_told_what_there_is(catalogue, refuse):
    with pytest.raises(ToolError, match="operation is missing"):
        accept_entity(catalogue, {"entity_type": "project"})
    assert refuse("lst").details["did_you_mean"] == "list"
    assert "operation cannot be 7" in refuse(7).message


@pytest.mark.parametrize(
    ("operation", "entity_type", "said"),
    [
        ("update", "member", "member has no operation update; it has list, read, search."),
        ("create", "profile", "profile has no operation create"),
    ],
)
def test_a_type_that_lacks_an_operation_says_what_to_do_instead(
    refuse, operation, entity_type, said
):
    error = refuse(operation, entity_type)

    assert said in error.message
    assert error.fix
    assert operation not in error.details["allowed"]


def test_an_unknown_field_is_told_the_nearest_with_its_values(refuse):
    error = refuse("create", "document", data={"title": "A", "state": "pending"})

    assert error.message == (
        "unknown field data.state. Did you mean data.status? "
        "Allowed: draft, in_review, approved, archived."
    )
    assert error.fix.startswith("use data.status.")
    assert error.details["did_you_mean"] == "data.status"


def test_what_is_missing_is_told_in_the_same_answer(refuse):
    error = refuse("create", data={"state": "pending"})

    assert "Did you mean data.status?" in error.message
    assert "Also: data.title is missing." in error.message


def test_an_unknown_field_like_no_other_is_told_all(refuse):
    error = refuse("update", entity_id="VEH-REQ-1", data={"zzz": 1})

    assert error.message == "unknown field data.zzz."
    assert "use one of: title, status" in error.fix


@pytest.mark.parametrize(
    ("operation", "entity_type", "data", "said"),
    [
        ("update", "project", {"key": "NEW"}, "data.key is set at creation and stays"),
        ("create", "project", {"title": "AB", "status": "draft"}, "cannot be given at creation"),
        ("update", "requirement", {"version": 3}, "data.version is set by the server"),
        ("update", "requirement", {"created_by": "me"}, "data.created_by is set by the server"),
        ("update", "project", {"role": "owner"}, "data.role is set by the server"),
        ("update", "requirement", {"organization_id": "x"}, "unknown field data.organization_id"),
        ("create", "requirement", {"title": "A", "project_id": "x"}, "unknown field"),
    ],
)
def test_what_nobody_may_write_is_refused(refuse, operation, entity_type, data, said):
    arguments = {"entity_id": "X"} if operation == "update" else {}

    assert said in refuse(operation, entity_type, data=data, **arguments).message


def test_each_item_of_a_batch_is_looked_at(refuse):
    error = refuse("create", items=[{"title": "A"}, {"titel": "B"}])

    assert "unknown field items[1].titel. Did you mean items[1].title?" in error.message


@pytest.mark.parametrize(
    ("arguments", "field", "fix"),
    [
        ({"serach": "x"}, "serach", "use one of: operation"),
        ({"entity_id": "VEH-REQ-1"}, "entity_id", "use operation read for one entity."),
        ({"data": {}}, "data", "use filters to choose rows."),
        ({"confirm": "VEH"}, "confirm", "leave confirm out."),
        ({"filters": {"stauts": "draft"}}, "filters.stauts", "use filters.status."),
        ({"id": "VEH-REQ-1"}, "id", "use entity_id."),
        ({"project": "VEH"}, "project", "use parent."),
        ({"parent": "a\x00b"}, "parent", "correct parent"),
        ({"fields": ["a", "\x00"]}, "fields", "correct fields"),
        ({"parent_type": "planet"}, "parent_type", "use one of: project, document"),
    ],
)
def test_what_means_nothing_here_is_refused_and_not_passed_over(refuse, arguments, field, fix):
    error = refuse(**arguments)

    assert error.details["field"] == field
    assert fix in error.fix


def test_filters_choose_no_rows_to_delete(refuse):
    error = refuse("delete", entity_id="VEH-REQ-1", filters={"status": "draft"})

    assert "delete takes no filters" in error.message


@pytest.mark.parametrize(
    ("operation", "missing"),
    [
        ("search", "query"),
        ("read", "entity_id (or ids)"),
        ("history", "entity_id"),
        ("create", "data (or items)"),
        ("update", "entity_id"),
        ("delete", "entity_id"),
        ("restore", "entity_id"),
    ],
)
def test_what_an_operation_needs_is_asked_for(refuse, operation, missing):
    assert f"{missing} is missing" in refuse(operation).message


def test_data_and_items_exclude_each_other(accept, refuse):
    assert "cannot go together" in refuse("create", data={"title": "A"}, items=[]).message
    assert accept("create", data={}, items=[{"title": "A"}], parent="VEH-DOC-1")["items"]


def test_ids_stand_for_entity_id(accept):
    assert accept("read", ids=["VEH-REQ-1"])["ids"] == ["VEH-REQ-1"]


def test_how_an_answer_looks_may_always_be_said(accept):
    assert accept("update", entity_id="X", data={"title": "A"}, format="full", limit=5)


def test_relations_become_what_the_type_can_bring_along(accept):
    read = accept("read", entity_id="VEH-REQ-1", include_relations=True)

    assert read["include"] == ["children"]
    assert accept(include_relations=True)["include"] == []


def test_a_parent_type_that_fits_says_nothing_more(accept):
    accepted = accept(parent_type="project", parent_id="VEH")

    assert accepted == {"operation": "list", "entity_type": "requirement", "parent": "VEH"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"data": "text"},
        {"items": "text"},
        {"items": ["text"]},
        {"filters": ["text"]},
        {"fields": "text"},
        {"fields": [1]},
        {"sort": 7},
    ],
)
def test_values_of_a_wrong_type_are_left_to_the_schema(accept, arguments):
    operation = "create" if {"data", "items"} & set(arguments) else "list"

    assert accept(operation, **arguments)
