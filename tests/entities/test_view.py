from atoms_mcp.entities.view import (
    as_text,
    changed_names,
    find_unnamed,
    handle_of,
    render,
    render_revision,
    to_seconds,
)

ROW = {
    "id": "i1",
    "key": "VEH-REQ-1",
    "name": "Stop\u202e",
    "description": None,
    "tags": [],
    "fields": {},
    "document_id": "d1",
    "created_by": "u1",
    "updated_by": "u2",
    "updated_at": "2026-11-23T14:05:00.123456+00:00",
    "version": 3,
}
NAMES = {"d1": "VEH-DOC-1", "u1": "ada@acme.example"}


def test_what_has_no_value_is_left_out(requirement):
    assert render(requirement, ROW, ["key", "title", "description", "tags", "fields"]) == {
        "key": "VEH-REQ-1",
        "title": "Stop",
    }


def test_ids_are_shown_as_names_where_they_are_known(requirement):
    chosen = ["document", "created_by", "updated_by", "updated_at"]

    assert render(requirement, ROW, chosen, NAMES) == {
        "document": "VEH-DOC-1",
        "created_by": "ada@acme.example",
        "updated_by": "u2",
        "updated_at": "2026-11-23T14:05:00Z",
    }


def test_what_wants_a_name_is_found(requirement):
    unnamed = find_unnamed(requirement, [ROW], ["document", "parent", "created_by", "title"])

    assert (unnamed.users, unnamed.items) == ({"u1"}, {"d1"})


def test_an_entity_is_called_by_its_key_or_id(requirement):
    assert handle_of(requirement, ROW) == "VEH-REQ-1"
    assert handle_of(requirement, {"id": "i1", "key": None}) == "i1"


def test_times_are_shown_to_the_second():
    assert to_seconds("2026-11-23T14:05:00+00:00") == "2026-11-23T14:05:00Z"
    assert to_seconds("2026-11-23T14:05:00.5+00:00") == "2026-11-23T14:05:00Z"
    assert to_seconds("2026-11-23T14:05:00+02:00") == "2026-11-23T14:05:00+02:00"


def test_a_revision_tells_what_changed(requirement):
    row = {
        "version": 3,
        "op": "update",
        "at": "2026-11-23T14:05:00+00:00",
        "actor": "u1",
        "actor_email": "ada@acme.example",
        "changed_fields": ["name", "document_id", "content_version"],
        "via": "atoms-mcp",
        "snapshot": ROW,
    }

    assert render_revision(requirement, row, NAMES) == {
        "version": 3,
        "op": "update",
        "at": "2026-11-23T14:05:00Z",
        "by": "ada@acme.example",
        "changed": ["title", "document"],
        "via": "atoms-mcp",
        "values": {"title": "Stop", "document": "VEH-DOC-1"},
    }


def test_a_creation_tells_all_that_was_given(requirement):
    row = {
        "version": 1,
        "op": "create",
        "at": "2026-11-23T14:05:00+00:00",
        "actor": None,
        "changed_fields": [],
        "snapshot": ROW,
    }

    revision = render_revision(requirement, row)

    assert revision["values"] == {"key": "VEH-REQ-1", "title": "Stop", "document": "d1"}
    assert "by" not in revision
    assert "values" not in render_revision(requirement, row | {"snapshot": None})


def test_changes_of_no_field_stay_out(requirement):
    assert changed_names(requirement, ["name", "content_version", "unheard_of"]) == ["title"]


def test_any_value_is_text():
    assert as_text("a") == "a"
    assert as_text(None) == ""
    assert as_text({"a": [1]}) == '{"a":[1]}'
