import pytest

from atoms_mcp.errors import ConfigError
from atoms_mcp.oauth.clients import digest_secret
from atoms_mcp.oauth.configured import parse_clients

GOOD = """
[[client]]
client_id = "dashboard"
client_name = "Our dashboard"
redirect_uris = ["https://dashboard.example.com/callback"]
client_secret = "a-secret-of-some-length"
scope = "atoms:read"

[[client]]
client_id = "desk.app_1~2-3"
client_name = "Our desk app"
redirect_uris = ["http://localhost/callback", "desk://app/callback"]
"""


def faults_of(text):
    with pytest.raises(ConfigError) as caught:
        parse_clients(text, ["desk"])
    return caught.value.faults


def test_clients_are_read():
    clients = parse_clients(GOOD, ["desk"])

    assert list(clients) == ["dashboard", "desk.app_1~2-3"]
    dashboard, desk = clients.values()
    assert dashboard.name == "Our dashboard"
    assert dashboard.redirect_uris == ("https://dashboard.example.com/callback",)
    assert dashboard.auth_method == "client_secret_basic"
    assert dashboard.secret_digest == digest_secret("a-secret-of-some-length")
    assert (dashboard.scope, dashboard.origin) == ("atoms:read", "configured")
    assert (desk.auth_method, desk.secret_digest, desk.scope) == ("none", None, None)


def test_an_empty_file_has_none():
    assert parse_clients("", []) == {}


@pytest.mark.parametrize(
    "text", ["client = 1", "[client]\nclient_id = 'a'", "client = [1]", "[[clients]]", "a = 1"]
)
def test_a_file_of_another_shape_is_refused(text):
    assert faults_of(text) == ("has to hold tables named [[client]] and nothing else",)


def test_what_is_no_toml_is_said_to_be_none():
    assert faults_of("[[client")[0].startswith("is not TOML: ")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("client_id = ''", "client_id has to be"),
        ("client_id = 'https://a.example/x'", "client_id has to be"),
        ("client_id = 'a b'", "client_id has to be"),
        ("client_id = 1", "client_id has to be"),
        ("client_name = ''", "client_name has to be text"),
        ("client_name = 1", "client_name has to be text"),
        ("client_secret = 'short'", "client_secret has to be 16"),
        ("client_secret = 1", "client_secret has to be 16"),
        ("client_secret = 'with spaces in between'", "client_secret has to be 16"),
        ("scope = 1", "scope has to be text"),
        ("redirect_uris = []", "redirect_uris has to be a list"),
        ("redirect_uris = 'https://a.example/'", "redirect_uris has to be a list"),
        ("redirect_uris = [1]", "redirect_uris has to be a list"),
        ("redirect_uris = ['http://a.example/']", "redirect URI http://a.example/ must be https"),
        ("redirct_uris = []", "redirct_uris is not a member"),
    ],
)
def test_each_fault_is_named_with_its_client(line, fault):
    name = line.partition(" ")[0]
    lines = {
        "client_id": "client_id = 'a'",
        "client_name": "client_name = 'A'",
        "redirect_uris": "redirect_uris = ['https://a.example/']",
    } | {name: line}

    (found,) = faults_of("[[client]]\n" + "\n".join(lines.values()))

    assert found.startswith(f"client 1: {fault}")


def test_all_faults_are_told_at_once_and_no_secret():
    faults = faults_of(GOOD + GOOD + "[[client]]\nclient_secret = 'tiny-secret'")

    assert [fault.partition(":")[0] for fault in faults] == ["client 3", "client 4"] + [
        "client 5"
    ] * 4
    assert "client_id dashboard is there twice" in faults[0]
    assert "tiny-secret" not in str(faults)
