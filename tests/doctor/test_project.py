import pytest

from atoms_mcp.doctor.finding import Grade
from atoms_mcp.doctor.project import judge_keys, judge_settings, judge_table


def test_the_ways_to_sign_in_are_told(answered):
    finding = judge_settings(answered({"external": {"email": True, "github": True, "x": False}}))

    assert finding.grade is Grade.GOOD
    assert finding.told == "people sign in by email, github"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"message": "Invalid API key"}, 401, "answered 401"),
        (b"<html>", 200, "answered 200"),
        ({"external": {"email": False}}, 200, "no way to sign in"),
        ({}, 200, "no way to sign in"),
    ],
)
def test_a_project_that_nobody_can_sign_in_to_is_a_fault(answered, body, status, told):
    finding = judge_settings(answered(body, status=status))

    assert finding.grade is Grade.FAULT
    assert told in finding.told


@pytest.mark.parametrize(
    ("body", "status", "grade"),
    [
        ({"keys": [{"alg": "ES256"}]}, 200, Grade.GOOD),
        ({"keys": []}, 200, Grade.NOTE),
        ({}, 200, Grade.FAULT),
        ({"keys": []}, 404, Grade.FAULT),
    ],
)
def test_the_key_set_is_judged(answered, body, status, grade):
    assert judge_keys(answered(body, status=status)).grade is grade


@pytest.mark.parametrize(
    ("table", "body", "status", "grade"),
    [
        ("organizations", {"code": "42501"}, 401, Grade.GOOD),
        ("organizations", {"code": "PGRST205"}, 404, Grade.FAULT),
        ("mcp_grants", {"code": "PGRST205"}, 404, Grade.WARNING),
        ("organizations", [], 200, Grade.FAULT),
        ("organizations", {"code": "XX000"}, 500, Grade.FAULT),
    ],
)
def test_a_table_is_to_be_there_and_closed(answered, table, body, status, grade):
    assert judge_table(table, answered(body, status=status)).grade is grade
