"""What the official suite asks of an authorization server, asked of ours."""

import socket

import httpx
import pytest
from conformance_suite import count, find_faults, run_authorization
from person import Person


@pytest.mark.requirement("auth-server-metadata", "auth-no-store")
@pytest.mark.slow
def test_every_check_of_an_authorization_server_passes(server, conformance_table):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    metadata = httpx.get(f"{server.url}/.well-known/oauth-authorization-server").json()
    asked = {
        "client_name": "Conformance suite",
        "redirect_uris": [f"http://127.0.0.1:{port}/callback"],
        # It sends no secret to servers that have clients without one.
        "token_endpoint_auth_method": "none",
    }
    client = httpx.post(metadata["registration_endpoint"], json=asked).raise_for_status().json()
    person = Person()

    checks = run_authorization(
        metadata["issuer"],
        client["client_id"],
        server.mcp_url,
        port,
        lambda link: person.visit(person.approve(link)),
    )

    conformance_table["0.2.0-alpha.12 authorization server"] = checks
    assert [str(check) for check in find_faults(checks)] == []
    assert count(checks)[0] == 2
