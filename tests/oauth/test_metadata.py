import pytest

from atoms_mcp.oauth.metadata import (
    authorization_server,
    protected_resource,
    protected_resource_path,
)


@pytest.mark.requirement("auth-resource-metadata")
def test_the_document_says_where_to_sign_in():
    document = protected_resource(
        "https://h.example/api/mcp",
        authorization_servers=("https://h.example",),
        scopes=("atoms:read",),
        name="Atoms",
    )

    assert document == {
        "resource": "https://h.example/api/mcp",
        "authorization_servers": ["https://h.example"],
        "scopes_supported": ["atoms:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Atoms",
    }


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        # RFC 9728 section 3.1, its own examples.
        ("https://resource.example.com", "/.well-known/oauth-protected-resource"),
        ("https://resource.example.com/", "/.well-known/oauth-protected-resource"),
        (
            "https://resource.example.com/resource1",
            "/.well-known/oauth-protected-resource/resource1",
        ),
        ("http://127.0.0.1:8000/api/mcp", "/.well-known/oauth-protected-resource/api/mcp"),
    ],
)
def test_the_well_known_part_goes_before_the_path(resource, path):
    assert protected_resource_path(resource) == path


def serve(**more):
    given = {"scopes": ("atoms:read", "atoms:write"), "dcr": True, "cimd": True}
    return authorization_server("https://h.example", **(given | more))


@pytest.mark.requirement("auth-pkce-advertised", "auth-iss-advertised")
def test_the_server_says_all_that_clients_look_for():
    methods = ["none", "client_secret_post", "client_secret_basic"]

    assert serve() == {
        "issuer": "https://h.example",
        "authorization_endpoint": "https://h.example/oauth/authorize",
        "token_endpoint": "https://h.example/oauth/token",
        "registration_endpoint": "https://h.example/oauth/register",
        "revocation_endpoint": "https://h.example/oauth/revoke",
        "scopes_supported": ["atoms:read", "atoms:write", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
    }


def test_what_is_switched_off_is_not_offered():
    document = serve(dcr=False, cimd=False)

    assert "registration_endpoint" not in document
    assert document["client_id_metadata_document_supported"] is False


def test_no_address_ends_in_a_slash():
    assert not [text for text in serve().values() if isinstance(text, str) and text.endswith("/")]
