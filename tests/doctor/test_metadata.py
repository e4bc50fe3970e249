import pytest

from atoms_mcp.doctor.finding import Grade
from atoms_mcp.doctor.metadata import judge_resource, judge_server

URL = "https://h.example/api/mcp"
ISSUER = "https://h.example"
RESOURCE = {"resource": URL, "authorization_servers": [ISSUER]}
SERVER = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/oauth/authorize",
    "token_endpoint": f"{ISSUER}/oauth/token",
    "registration_endpoint": f"{ISSUER}/oauth/register",
    "response_types_supported": ["code"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["none"],
}


def test_documents_as_they_should_be_have_no_fault(answered):
    assert judge_resource(URL, answered(RESOURCE)) == ([], ISSUER)
    assert judge_server(ISSUER, answered(SERVER)) == ([], SERVER)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (RESOURCE | {"resource": f"{URL}/"}, "resource is"),
        (RESOURCE | {"authorization_servers": []}, "no authorization_servers"),
        (RESOURCE | {"authorization_servers": [1]}, "no authorization_servers"),
    ],
)
def test_a_resource_that_clients_refuse_is_a_fault(answered, document, told):
    (finding,), _ = judge_resource(URL, answered(document))

    assert finding.grade is Grade.FAULT
    assert told in finding.told


@pytest.mark.parametrize(
    ("change", "grade", "told"),
    [
        ({"issuer": f"{ISSUER}/"}, Grade.FAULT, "issuer is"),
        ({"token_endpoint": None}, Grade.FAULT, "no token_endpoint"),
        ({"token_endpoint": "http://h.example/t"}, Grade.FAULT, "plain http"),
        ({"code_challenge_methods_supported": ["plain"]}, Grade.FAULT, "S256"),
        ({"response_types_supported": None}, Grade.FAULT, "response_types_supported"),
        ({"token_endpoint_auth_methods_supported": []}, Grade.WARNING, "public clients"),
    ],
)
def test_a_server_that_clients_refuse_is_told(answered, change, grade, told):
    (finding,), _ = judge_server(ISSUER, answered(SERVER | change))

    assert finding.grade is grade
    assert told in finding.told


def test_clients_that_nobody_can_introduce_are_worth_a_note(answered):
    closed = {name: value for name, value in SERVER.items() if name != "registration_endpoint"}

    (finding,), _ = judge_server(ISSUER, answered(closed))
    documented = closed | {"client_id_metadata_document_supported": True}

    assert finding.grade is Grade.NOTE
    assert judge_server(ISSUER, answered(documented))[0] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 404},
        {"Content_Type": "text/html"},
        {"body": b"<html>"},
        {"body": b"[]"},
    ],
)
def test_what_is_no_document_is_a_fault(answered, broken):
    answer = answered(**({"body": RESOURCE} | broken))

    (resource,), issuer = judge_resource(URL, answer)
    (server,), document = judge_server(ISSUER, answer)

    assert (resource.grade, server.grade) == (Grade.FAULT, Grade.FAULT)
    assert issuer is None
    assert document == {}
