"""What the suite wrote down is read whole: nothing that went wrong is passed over."""

import json

import pytest
from conformance_suite import command, count, find_faults, read_checks


def write(folder, scenario, *checks):
    results = folder / f"server-{scenario}-2026-11-23T10-00-00-000Z"
    results.mkdir()
    told = [
        {"id": f"check-{at}", "status": status, "description": "It holds.", **more}
        for at, (status, more) in enumerate(checks)
    ]
    (results / "checks.json").write_text(json.dumps(told))


def test_failures_and_warnings_are_faults_and_say_where_and_why(tmp_path):
    write(tmp_path, "ping", ("SUCCESS", {}), ("WARNING", {"errorMessage": "hm"}))
    write(tmp_path, "server-stateless", ("FAILURE", {"errorMessage": "no"}), ("SKIPPED", {}))

    checks = read_checks(tmp_path)

    assert [str(check) for check in find_faults(checks)] == [
        "WARNING ping: check-1: hm",
        "FAILURE server-stateless: check-0: no",
    ]
    scenarios, by_status = count(checks)
    assert scenarios == 2
    assert by_status == {"SUCCESS": 1, "WARNING": 1, "FAILURE": 1, "SKIPPED": 1}


def test_a_status_that_nobody_knows_is_a_fault(tmp_path):
    write(tmp_path, "ping", ("ODD", {}))

    assert [str(check) for check in find_faults(read_checks(tmp_path))] == [
        "ODD ping: check-0: It holds."
    ]


def test_without_the_suite_it_is_said_how_to_get_it():
    with pytest.raises(AssertionError, match="scripts/conformance install"):
        command("not-installed")
