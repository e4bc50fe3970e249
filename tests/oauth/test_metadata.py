import pytest

from atoms_mcp.oauth.metadata import protected_resource, protected_resource_path


def test_the_document_says_where_to_sign_in():
    document = protected_resource(
        "https://h.example/api/mcp",
        authorization_servers=("https://abc.supabase.co/auth/v1",),
        scopes=("atoms:read",),
        name="Atoms",
    )

    assert document == {
        "resource": "https://h.example/api/mcp",
        "authorization_servers": ["https://abc.supabase.co/auth/v1"],
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
