import pytest

from atoms_mcp.entities import failures
from atoms_mcp.entities.failures import Refusal, read_refusal

INTERNALS = ["requirements_", "violates", "constraint", "relation", "column", "app.", "SQLSTATE"]


def read(entity, code, message="", details=None, hint=None):
    return read_refusal(entity, code, message, details, hint)


@pytest.mark.parametrize(
    ("code", "message", "details", "hint", "expected"),
    [
        (
            "42501",
            "to update a requirement you need the project role editor, you are viewer",
            "role_too_low",
            "Ask.",
            Refusal(
                "forbidden",
                None,
                "to update a requirement you need the project role editor, you are viewer",
                "Ask.",
            ),
        ),
        (
            "42501",
            "no such project",
            "no_role",
            "x",
            Refusal("hidden", None, "no such project", "x"),
        ),
        ("42501", "permission denied for table x", None, None, Refusal("forbidden")),
        (
            "23505",
            'duplicate key value violates unique constraint "requirements_external_id_unique"',
            "Key (project_id, external_id)=(secret) already exists.",
            None,
            Refusal("duplicate", "external_id"),
        ),
        (
            "23503",
            'insert on table "requirements" violates constraint "requirements_document"',
            None,
            None,
            Refusal("reference", "document"),
        ),
        ("23503", 'constraint "requirements_parent"', None, None, Refusal("reference", "parent")),
        (
            "23502",
            'null value in column "name" of relation "requirements" violates not-null constraint',
            None,
            None,
            Refusal("invalid", "title", "a needed value is missing"),
        ),
        (
            "23502",
            "something else",
            None,
            None,
            Refusal("invalid", None, "a needed value is missing"),
        ),
        (
            "23514",
            'new row violates check constraint "requirements_status_check"',
            "Failing row contains (secret).",
            None,
            Refusal("invalid", "status", "status has a form that is not allowed"),
        ),
        (
            "23514",
            'check constraint "something_odd"',
            None,
            None,
            Refusal("invalid", None, "the values do not go together"),
        ),
        (
            "23514",
            "this document is deleted",
            "deleted",
            "Restore it.",
            Refusal("deleted", None, "this document is deleted", "Restore it."),
        ),
        (
            "23514",
            "a requirement cannot be its own ancestor",
            "parent_cycle",
            "Choose.",
            Refusal("invalid", None, "a requirement cannot be its own ancestor", "Choose."),
        ),
        (
            "22P02",
            'invalid input syntax for type uuid: "x"',
            None,
            None,
            Refusal("invalid", None, "a value has a form that cannot be stored"),
        ),
        ("42703", "column requirements.x does not exist", None, None, Refusal("unknown")),
        (None, "gateway says no", None, None, Refusal("unknown")),
    ],
)
def test_a_refusal_is_read(requirement, code, message, details, hint, expected):
    assert read(requirement, code, message, details, hint) == expected


def test_a_check_over_several_fields_has_words_of_its_own(catalogue):
    refusal = read(catalogue["block"], "23514", 'constraint "document_blocks_heading"')

    assert refusal.text == "a heading needs heading_level (1 to 6) and body"


def test_no_words_of_the_database_reach_an_answer(requirement):
    refusals = [
        read(requirement, code, 'relation "requirements" column "x" violates constraint "app.y"')
        for code in ("23505", "23503", "23502", "23514", "22P02")
    ]
    errors = [
        failures.duplicate(requirement, refusals[0].field, None, None),
        failures.bad_reference(refusals[1]),
        *(failures.invalid(refusal) for refusal in refusals[2:]),
    ]

    for error in errors:
        assert not [word for word in INTERNALS if word in str(error)]


ACCESS = {
    "scope": "project",
    "your_role": "viewer",
    "needed_role": "editor",
    "granted_by": [{"display_name": "Ada", "email": "ada@acme.example", "role": "owner"}],
}


def test_who_may_not_is_told_which_role_and_from_whom():
    error = failures.forbidden("update requirement VEH-REQ-1", ACCESS)

    assert str(error) == (
        "forbidden: you may not update requirement VEH-REQ-1: "
        "it needs the project role editor, yours is viewer. "
        "Fix: ask for the project role editor, which can be given by "
        "Ada (ada@acme.example, owner)."
    )
    assert error.details == {
        "your_role": "viewer",
        "needed_role": "editor",
        "granted_by": [{"name": "Ada", "email": "ada@acme.example", "role": "owner"}],
    }


@pytest.mark.parametrize(
    ("access", "fix"),
    [
        (None, "ask an owner or admin"),
        ({}, "ask an owner or admin"),
        (ACCESS | {"your_role": None}, "ask an owner or admin"),
        (ACCESS | {"granted_by": []}, "whoever administers the project"),
        (ACCESS | {"needed_role": "nobody"}, "nobody may do that"),
        (ACCESS | {"needed_role": "self"}, "ask that person"),
        (
            ACCESS | {"granted_by": [{"email": "ada@acme.example", "role": "owner"}]},
            "given by ada@acme.example, owner.",
        ),
    ],
)
def test_less_can_be_told_where_less_is_known(access, fix):
    assert fix in failures.forbidden("do it", access).fix


def test_what_is_out_of_sight_is_not_found(requirement):
    error = failures.not_found(requirement, "VEH-REQ-9", where="acme/VEH", field="data.parent")

    assert error.message == (
        "data.parent: there is no requirement 'VEH-REQ-9' in acme/VEH that you can see."
    )
    assert error.details["field"] == "data.parent"


def test_types_without_search_are_listed(catalogue, requirement):
    assert "operation search" in failures.not_found(requirement, "x").fix
    assert "operation search" in failures.not_found(catalogue["member"], "x").fix


def test_an_ambiguous_name_lists_its_candidates():
    rows = [{"entity_id": f"VEH-REQ-{n}", "title": "Brake"} for n in range(7)]

    error = failures.ambiguous("requirements", "Brake", rows)

    assert len(error.details["candidates"]) == 5
    assert error.message.endswith("VEH-REQ-4 and others.")
    assert "others" not in failures.ambiguous("requirements", "Brake", rows[:2]).message


def test_a_name_of_another_type_says_which(requirement):
    error = failures.wrong_type(requirement, "VEH-DOC-1", "document")

    assert error.message == "'VEH-DOC-1' is a document, not a requirement."
    assert error.details["entity_type"] == "document"


def test_a_late_change_is_told_what_happened():
    error = failures.version_conflict("VEH-REQ-12", 3, 4, "description changed by dana", {"a": 1})
    quiet = failures.version_conflict("VEH-REQ-12", 3, 4, "", {})

    assert str(error) == (
        "conflict: VEH-REQ-12 is at version 4, you sent 3. "
        "Since then: description changed by dana. "
        "Fix: read VEH-REQ-12, then repeat with expected_version 4."
    )
    assert error.details == {"current_version": 4, "a": 1}
    assert "Since" not in quiet.message


def test_what_is_deleted_says_how_it_comes_back(requirement):
    again = failures.deleted_conflict(requirement, "VEH-REQ-1", "delete", "T")
    change = failures.deleted_conflict(requirement, "VEH-REQ-1", "update", "T")

    assert again.message == "VEH-REQ-1 was deleted already, at T."
    assert change.fix == "bring it back with operation restore first, then update it."
    assert failures.alive_conflict("VEH-REQ-1", 3).details == {"current_version": 3}
    assert failures.alive_conflict("VEH-REQ-1", None).details == {}


def test_a_taken_value_names_who_has_it(requirement):
    known = failures.duplicate(requirement, "external_id", "X-1", "VEH-REQ-4")
    unknown = failures.duplicate(requirement, "external_id", "X-1", None)

    assert known.message == "external_id 'X-1' is taken by requirement VEH-REQ-4."
    assert known.details == {"field": "external_id", "existing": "VEH-REQ-4"}
    assert unknown.message == "external_id 'X-1' is taken."
    assert "several of the items" in failures.twice_in_batch("external_id", "X-1").message


def test_our_schemas_words_reach_the_caller():
    refusal = Refusal("reference", None, "no such project", "Name one")

    assert str(failures.bad_reference(refusal)) == "not_found: no such project. Fix: Name one."
    assert failures.invalid(Refusal("invalid", "title", "too odd")).details == {
        "field": "data.title"
    }
    assert failures.invalid(Refusal("invalid")).message == "the values do not go together."


@pytest.mark.parametrize(
    ("passed_s", "said"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (200_000, "2 d ago"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(passed_s, said):
    assert failures.ago(1_000_000, 1_000_000 + passed_s) == said


def test_what_is_too_long_to_ask_says_so():
    assert failures.too_long().code == "limit_exceeded"
