import pytest

from atoms_mcp.oauth.clients import Client, clean_name, digest_secret


def client(**more):
    given = {
        "client_id": "c",
        "name": "A client",
        "redirect_uris": ("https://c.example/cb",),
        "auth_method": "none",
        "origin": "registered",
    }
    return Client(**(given | more))


def test_only_the_host_of_a_document_vouches_for_a_client():
    url = "https://app.example:443/client.json"

    assert client(client_id=url, origin="document").host == "app.example"
    assert client(client_id=url).host is None
    assert client(origin="configured").host is None


@pytest.mark.parametrize(
    ("origin", "is_verified"), [("registered", False), ("document", True), ("configured", True)]
)
def test_the_word_of_a_client_alone_verifies_nothing(origin, is_verified):
    assert client(origin=origin).is_verified is is_verified


def test_what_is_kept_of_a_secret_is_not_shown():
    kept = client(secret_digest=digest_secret("s" * 20))

    assert kept.secret_digest not in repr(kept)
    assert digest_secret("s" * 20) == kept.secret_digest != digest_secret("s" * 21)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("MCP Inspector", "MCP Inspector"),
        ("  Ünïcode\t客户端\n", "Ünïcode 客户端"),
        pytest.param("edualC\u202e", "edualC", id="turned-around"),
        pytest.param("Cl\u200baude\x00", "Claude", id="hidden"),
        pytest.param("a\u2028b", "a b", id="line-separator"),
        pytest.param("\ud800\U000e0041", "", id="nothing-left"),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(name, shown):
    assert clean_name(name) == shown
