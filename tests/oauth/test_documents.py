import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.documents import check_document_url, parse_document

URL = "https://app.example.com/oauth/client.json"
GOOD = {
    "client_id": URL,
    "client_name": "Example MCP Client",
    "client_uri": "https://app.example.com",
    "logo_uri": "https://app.example.com/logo.png",
    "redirect_uris": ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback"],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}


def parse(**changes):
    document = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return parse_document(orjson.dumps(document), URL, ["cursor"])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (URL, "app.example.com"),
        ("https://claude.ai/oauth/claude-code-client-metadata", "claude.ai"),
        ("https://App.Example.com:443/c", "app.example.com"),
        ("https://app.example.com/c?v=1", "app.example.com"),
        ("https://xn--bcher-kva.example/c", "xn--bcher-kva.example"),
        ("https://a.example/..c/.d/e..", "a.example"),
        ("https://1.example/c", "1.example"),
    ],
)
def test_an_https_url_with_a_path_can_name_a_client(url, host):
    assert check_document_url(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///c",
        "http://app.example.com/c",
        "HTTPS://app.example.com/c",
        "ftp://app.example.com/c",
        "https:app.example.com/c",
        "app.example.com/c",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com?c",
        "https://app.example.com/?c",
        "https://app.example.com/c#f",
        "https://app.example.com/c#",
        "https://user@app.example.com/c",
        "https://user:secret@app.example.com/c",
        "https://app.example.com:8443/c",
        "https://app.example.com:80/c",
        "https://app.example.com:/c",
        "https://app.example.com:443:443/c",
        "https://app.example.com/a/../c",
        "https://app.example.com/./c",
        "https://app.example.com/..",
        "https://app.example.com/a/%2e%2E/c",
        "https://app.example.com/a/.%2e/c",
        "https://app.example.com\\@evil.example/c",
        "https://app.example.com/\\c",
        "https://app.example.com/c d",
        "https://app.example.com/c\r\n",
        "https://bücher.example/c",
        "https://app%2eexample.com/c",
        "https://app.example.com./c",
        "https://.example.com/c",
        "https://app..example.com/c",
        "https://-app.example.com/c",
        "https://app_1.example.com/c",
        "https://" + "a" * 64 + ".example/c",
        "https://" + "a." * 127 + "example/c",
        "https://app.example.com/" + "c" * 2048,
        # Whatever names no domain: this machine, this network, addresses in every spelling.
        "https://localhost/c",
        "https://intranet/c",
        "https://127.0.0.1/c",
        "https://127.1/c",
        "https://0177.0.0.1/c",
        "https://0x7f.0.0.0x1/c",
        "https://2130706433/c",
        "https://169.254.169.254/latest/meta-data",
        "https://1.1.1.1/c",
        "https://[::1]/c",
        "https://[::ffff:127.0.0.1]/c",
        "https://[2606:4700::1111]/c",
    ],
)
def test_nothing_else_can(url):
    with pytest.raises(ValueError, match=r"^n"):
        check_document_url(url)


@pytest.mark.parametrize(
    "domains", [["example.com"], ["x.example", "*.Example.com"], [".app.example.com"]]
)
def test_an_allowed_domain_covers_those_below(domains):
    assert check_document_url(URL, domains) == "app.example.com"


@pytest.mark.parametrize(
    "domains", [["ample.com"], ["example.org"], ["other.example.com"], ["app.example.com.evil"]]
)
def test_another_domain_is_not_allowed(domains):
    with pytest.raises(ValueError, match="allowed"):
        check_document_url(URL, domains)


def test_a_document_describes_a_client():
    client = parse()

    assert client.client_id == URL
    assert client.name == "Example MCP Client"
    assert client.redirect_uris == tuple(GOOD["redirect_uris"])
    assert (client.auth_method, client.origin, client.host) == (
        "none",
        "document",
        "app.example.com",
    )
    assert client.secret_digest is None
    assert client.scope is None


@pytest.mark.requirement("auth-document-identity")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": ...},
        {"client_id": URL + "/"},
        {"client_id": URL.replace("app", "App")},
        {"client_id": URL.replace(".com/", ".com:443/")},
        {"client_id": [URL]},
        {"client_name": ...},
        {"client_name": ""},
        {"client_name": "\u200b"},
        {"client_name": 1},
        {"redirect_uris": ...},
        {"redirect_uris": []},
        {"redirect_uris": "https://app.example.com/cb"},
        {"redirect_uris": [1, None]},
        {"redirect_uris": ["http://evil.example/cb", "javascript:x"]},
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": ["none"]},
        {"client_secret": "known-to-everybody"},
    ],
)
def test_a_document_of_somebody_else_or_of_none_is_refused(changes):
    with pytest.raises(ValueError, match=r"^no"):
        parse(**changes)


@pytest.mark.requirement("auth-document-identity")
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'"x"', b"null", b"[" * 5000, b"\xff"])
def test_what_is_no_json_object_is_refused(raw):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the parser says
        parse_document(raw, URL, [])


@pytest.mark.parametrize("method", [..., None, ""])
def test_a_method_that_is_left_out_is_none(method):
    assert parse(token_endpoint_auth_method=method).auth_method == "none"


@pytest.mark.requirement("auth-document-redirects")
def test_of_redirect_uris_only_those_are_kept_that_are_taken_here():
    uris = ["http://evil.example/cb", "cursor://a/cb", "other://a/cb", "https://a.example/cb"]

    assert parse(redirect_uris=uris).redirect_uris == ("cursor://a/cb", "https://a.example/cb")


@pytest.mark.parametrize(
    ("scope", "kept"),
    [("atoms:read x", "atoms:read"), ("", None), (1, None), (..., None)],
)
def test_a_scope_is_kept_as_far_as_it_is_known(scope, kept):
    assert parse(scope=scope).scope == kept


def test_a_long_name_is_cut():
    assert parse(client_name="x" * 1000).name == "x" * 256


@given(st.text(alphabet="htps:/apexmlco.@#?%2e\\[]1 -_", max_size=60))
def test_any_text_names_a_domain_or_nothing(tail):
    try:
        host = check_document_url("https://" + tail)
    except ValueError:
        return

    assert "." in host
    assert ("https://" + tail).lower().startswith(f"https://{host}")
