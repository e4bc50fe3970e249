"""A client of the authorization server, and the way by which it asks."""

from urllib.parse import urlencode

import pytest

from atoms_mcp.web import keys

CALLBACK = "https://client.example/cb"
VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"  # of VERIFIER


@pytest.fixture
def ask(web):
    """Register a client and give the path by which it asks."""

    def make(redirect_uris=(CALLBACK,), name="Inspector", **changed):
        metadata = {"client_name": name, "redirect_uris": list(redirect_uris)}
        registered = web.app[keys.CLIENTS].register(
            {**metadata, "token_endpoint_auth_method": "none"}
        )
        params = {
            "response_type": "code",
            "client_id": registered["client_id"],
            "redirect_uri": redirect_uris[0],
            "state": "s 1+/&=é",
            "scope": "atoms:read atoms:write",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": f"{web.url}/api/mcp",
        } | changed
        return path(params)

    return make


def path(params):
    """Give the path for parameters; a list is a parameter that comes several times."""
    given = {name: value for name, value in params.items() if value is not None}
    return f"/oauth/authorize?{urlencode(given, doseq=True)}"
