import pytest

from atoms_mcp.doctor.finding import Grade
from atoms_mcp.doctor.sign_in import CALLBACK, judge_page, judge_refusal, judge_registration

POLICY = "default-src 'none'; frame-ancestors 'none'"


def test_a_registration_gives_the_client_id(answered):
    finding, client_id = judge_registration(
        answered({"client_id": "c", "redirect_uris": [CALLBACK]}, status=201)
    )

    assert finding.grade is Grade.GOOD
    assert client_id == "c"


@pytest.mark.parametrize(
    ("body", "status", "grade"),
    [
        ({"error": "invalid_redirect_uri"}, 400, Grade.FAULT),
        ({"redirect_uris": [CALLBACK]}, 201, Grade.FAULT),
        (b"<html>", 502, Grade.FAULT),
        ({"client_id": "c", "redirect_uris": []}, 201, Grade.WARNING),
    ],
)
def test_a_registration_that_clients_cannot_use_is_told(answered, body, status, grade):
    assert judge_registration(answered(body, status=status))[0].grade is grade


def page(answered, policy=POLICY, **given):
    headers = {"Content_Type": "text/html; charset=utf-8", "Content_Security_Policy": policy}
    return judge_page(answered(b"<html>", **{**headers, **given}))


def test_a_page_that_nobody_can_frame_is_good(answered):
    assert [finding.grade for finding in page(answered)] == [Grade.GOOD]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"policy": f"{POLICY}; form-action 'self'"}, "form-action"),
        ({"policy": "default-src 'none'"}, "frame-ancestors"),
        ({"status": 500}, "answered 500"),
        ({"Content_Type": "application/json"}, "not with a page"),
    ],
)
def test_a_page_that_strands_people_is_a_fault(answered, given, told):
    (finding,) = page(answered, **given)

    assert finding.grade is Grade.FAULT
    assert told in finding.told


@pytest.mark.parametrize(
    ("body", "status", "headers", "grade"),
    [
        ({"error": "invalid_grant"}, 400, {"Cache_Control": "no-store"}, Grade.GOOD),
        ({"error": "invalid_grant"}, 400, {}, Grade.WARNING),
        ({"error": "server_error"}, 500, {}, Grade.FAULT),
        (b"<html>", 400, {}, Grade.FAULT),
    ],
)
def test_how_a_wrong_code_is_refused_is_judged(answered, body, status, headers, grade):
    assert judge_refusal(answered(body, status=status, **headers)).grade is grade
