import orjson
import pytest

from atoms_mcp.settings import ServerSettings, load
from atoms_mcp.web.site import Sites

SECRET = "k" * 32


def make(port=8000, **environ):
    base = {"SUPABASE_URL": "https://abc.supabase.co", "SUPABASE_ANON_KEY": "sb_publishable_x"}
    settings = load(ServerSettings, {**base, "ATOMS_SECRET_KEY": SECRET, **environ})
    return Sites(settings, port)


def test_on_loopback_each_of_its_names_is_a_site_of_its_own():
    sites = make(port=8123)

    assert set(sites.by_host) == {"127.0.0.1:8123", "localhost:8123", "[::1]:8123"}
    assert sites.canonical.resource == "http://127.0.0.1:8123/api/mcp"
    site = sites.get("localhost:8123")
    assert site.base_url == site.origin == "http://localhost:8123"
    assert site.resource == "http://localhost:8123/api/mcp"
    assert orjson.loads(site.metadata)["resource"] == site.resource
    assert orjson.loads(site.metadata)["authorization_servers"] == [site.base_url]
    assert (
        'resource_metadata="http://localhost:8123/.well-known/oauth-protected-resource/api/mcp"'
        in site.challenger.for_nobody(None)
    )


def test_a_public_url_comes_first_and_counts_with_its_default_port():
    sites = make(ATOMS_FASTMCP_BASE_URL="https://MCP.example.com")

    assert sites.canonical.base_url == "https://MCP.example.com"
    assert sites.get("mcp.example.com") is sites.canonical
    assert sites.get("MCP.EXAMPLE.COM:443") is sites.canonical
    assert sites.get("mcp.example.com:80") is None
    assert sites.get("127.0.0.1:8000") is not None
    assert sites.canonical.origin == "https://mcp.example.com"


def test_a_port_in_the_public_url_is_part_of_the_name():
    sites = make(ATOMS_FASTMCP_BASE_URL="https://mcp.example.com:8443")

    assert sites.get("mcp.example.com:8443") is sites.canonical
    assert sites.get("mcp.example.com") is None


def test_a_default_port_in_the_public_url_is_not_part_of_its_origin():
    sites = make(ATOMS_FASTMCP_BASE_URL="https://mcp.example.com:443")

    assert sites.canonical.origin == "https://mcp.example.com"
    assert sites.get("mcp.example.com") is sites.canonical


def test_further_hosts_are_reached_like_the_public_url():
    sites = make(
        ATOMS_FASTMCP_BASE_URL="https://h.example", ATOMS_ALLOWED_HOSTS="other.example, x:9000"
    )

    assert sites.get("other.example").resource == "https://other.example/api/mcp"
    assert sites.get("x:9000").resource == "https://x:9000/api/mcp"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_bound_to_every_address_loopback_still_has_its_names(host):
    sites = make(ATOMS_FASTMCP_HOST=host)

    assert sites.get("localhost:8000") is not None
    assert sites.get("192.0.2.7:8000") is None


def test_bound_to_one_address_loopback_has_none():
    sites = make(ATOMS_FASTMCP_HOST="192.0.2.7")

    assert set(sites.by_host) == {"192.0.2.7:8000"}
    assert sites.canonical.base_url == "http://192.0.2.7:8000"


def test_an_address_of_ipv6_stands_in_brackets():
    assert make(ATOMS_FASTMCP_HOST="2001:db8::7").canonical.base_url == "http://[2001:db8::7]:8000"
    assert make(ATOMS_FASTMCP_HOST="::1").canonical.base_url == "http://[::1]:8000"


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1:8000.evil.example"])
def test_a_name_that_is_not_ours_has_no_site(host):
    assert make().get(host) is None


def test_what_is_said_of_the_issuer_is_the_same_letter_by_letter():
    sites = make(ATOMS_FASTMCP_BASE_URL="https://MCP.example.com/", ATOMS_ALLOWED_HOSTS="x:9000")

    for site in sites.by_host.values():
        document = orjson.loads(site.server_metadata)
        assert document["issuer"] == site.issuer == site.base_url
        assert orjson.loads(site.metadata)["authorization_servers"] == [site.issuer]
        assert sites.issuers[site.resource] == site.issuer
        assert not site.issuer.endswith("/")
    assert len(sites.issuers) == 5


def test_the_servers_document_follows_the_settings():
    document = orjson.loads(make().canonical.server_metadata)
    assert document["registration_endpoint"] == "http://127.0.0.1:8000/oauth/register"
    assert document["client_id_metadata_document_supported"] is True
    assert "offline_access" in document["scopes_supported"]

    switched_off = make(ATOMS_OAUTH_REGISTRATION="off", ATOMS_OAUTH_CLIENT_DOCUMENTS="off")
    document = orjson.loads(switched_off.canonical.server_metadata)
    assert "registration_endpoint" not in document
    assert document["client_id_metadata_document_supported"] is False


@pytest.mark.requirement("auth-offline")
def test_offline_access_is_nobodys_to_ask_for_at_the_resource():
    site = make().canonical

    assert b"offline_access" not in site.metadata
    assert "offline_access" not in site.challenger.for_nobody(None)


def test_delegated_means_that_supabase_issues_the_tokens():
    sites = make(ATOMS_FASTMCP_AUTH_MODE="delegated")
    site = sites.canonical

    assert site.server_metadata is None
    assert site.issuer == "https://abc.supabase.co/auth/v1"
    document = orjson.loads(site.metadata)
    assert document["authorization_servers"] == [site.issuer]
    # Supabase refuses requests that name a scope it does not have.
    assert document["scopes_supported"] == ["email"]
    assert 'scope="email"' in site.challenger.for_nobody(None)


def test_people_are_told_of_a_way_in_that_is_open():
    assert "/auth/login" in make().canonical.advice
    closed = make(ATOMS_ACCEPT_SUPABASE_JWT="off").canonical.advice
    assert "/auth/login" not in closed
    assert "http://127.0.0.1:8000/api/mcp" in closed


@pytest.mark.parametrize(
    ("environ", "is_plain"),
    [
        ({}, False),
        ({"ATOMS_FASTMCP_HOST": "0.0.0.0"}, True),
        ({"ATOMS_FASTMCP_BASE_URL": "https://mcp.example.com"}, False),
        ({"ATOMS_FASTMCP_BASE_URL": "http://mcp.example.com"}, True),
        ({"ATOMS_FASTMCP_BASE_URL": "http://localhost:8000"}, False),
    ],
)
def test_plain_http_over_a_network_is_known_as_such(environ, is_plain):
    assert make(**environ).canonical.is_plain is is_plain
