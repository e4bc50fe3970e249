import pytest

from atoms_mcp.oauth.clients import Client
from atoms_mcp.web.asking import render_client, render_host, render_target
from atoms_mcp.web.texts import load_texts

TEXTS = load_texts()


def client(name="Inspector", origin="registered", client_id="id"):
    return Client(client_id, name, ("https://client.example/cb",), "none", origin)


def test_a_registered_client_is_vouched_for_by_nobody():
    assert render_client(client(), TEXTS) == {
        "name": "Inspector",
        "is_verified": False,
        "tag": "Not verified",
        "tone": "warn",
        "vouched": None,
    }


def test_a_document_proves_the_site_and_not_the_name():
    shown = render_client(
        client("Claude", origin="document", client_id="https://evil.example/id"), TEXTS
    )

    assert shown["is_verified"]
    assert shown["tag"] == "Verified as evil.example"
    assert shown["tone"] == ""
    assert "Check that you know the address" in shown["vouched"]


def test_the_operator_vouches_for_a_configured_client():
    shown = render_client(client(origin="configured"), TEXTS)

    assert (shown["tag"], shown["tone"]) == ("Verified", "good")
    assert "operator" in shown["vouched"]


@pytest.mark.parametrize("name", ["", "\u202e\u200b", "\u3164"])
def test_a_client_without_a_name_to_see_is_called_that(name):
    assert render_client(client(name), TEXTS)["name"] == TEXTS("client.nameless")


def test_a_name_is_made_honest_and_short():
    assert render_client(client("Claude\u202e " + "x" * 100), TEXTS)["name"].startswith("Claude x")
    assert len(render_client(client("x" * 500), TEXTS)["name"]) == 60


@pytest.mark.parametrize(
    ("uri", "host", "kind"),
    [
        ("https://claude.ai/api/callback", "claude.ai", "web"),
        ("https://claude.ai:8443/cb", "claude.ai:8443", "web"),
        ("https://claude.ai.evil.example/cb", "claude.ai.evil.example", "web"),
        ("http://127.0.0.1:33418/cb", "127.0.0.1", "loopback"),
        ("http://localhost/callback", "localhost", "loopback"),
        ("http://[::1]:9/cb", "[::1]", "loopback"),
        ("cursor://anysphere.cursor-mcp/oauth", "cursor://anysphere.cursor-mcp", "private"),
    ],
)
def test_it_is_said_where_the_answer_goes(uri, host, kind):
    assert render_target(uri) == {"host": host, "kind": kind}


def test_a_host_is_never_cut_short():
    long = "claude.ai." + "a" * 60 + "." + "b" * 60 + ".evil.example"

    assert render_host(long) == long
