import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.redirects import (
    MAX_URI_BYTES,
    check_redirect_uri,
    find_redirect_uri,
    is_loopback_redirect,
    is_private_redirect,
    is_same_redirect,
    redirect_host,
)

SCHEMES = ("cursor", "vscode")


@pytest.mark.parametrize(
    "uri",
    [
        "https://claude.ai/api/mcp/auth_callback",
        "https://chatgpt.com/connector/oauth/abc-123",
        "https://insiders.vscode.dev/redirect",
        "https://client.example:8443/cb?tenant=a%20b",
        "https://client.example",
        "https://[2606:4700::1111]/cb",
        "https://xn--bcher-kva.example/cb",
        "http://localhost:3335/oauth/callback",
        "http://localhost/callback",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
        "http://[::1]:49152/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vscode.github-authentication/did-authenticate",
        # RFC 8252 section 7.1.
        "com.example.app:/oauth2redirect/example-provider",
    ],
)
def test_what_real_clients_register_is_taken(uri):
    check_redirect_uri(uri, SCHEMES)


@pytest.mark.requirement("auth-https")
@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("", "1 to 2048 characters"),
        ("https://c.example/" + "a" * MAX_URI_BYTES, "1 to 2048 characters"),
        ("https://c.example/cb#fragment", "no fragment"),
        ("https://c.example/cb#", "no fragment"),
        ("javascript:alert(1)", "scheme javascript"),
        ("data:text/html,x", "scheme data"),
        ("file:///etc/passwd", "scheme file"),
        ("vbscript:x", "scheme vbscript"),
        ("about:blank", "scheme about"),
        ("blob:https://c.example/x", "scheme blob"),
        ("mailto:me@c.example", "scheme mailto"),
        ("ftp://c.example/cb", "scheme ftp"),
        ("wss://c.example/cb", "scheme wss"),
        ("windsurf://cb", "scheme windsurf"),
        ("JavaScript:alert(1)", "small letters"),
        ("HTTPS://c.example/cb", "small letters"),
        ("//c.example/cb", "absolute"),
        ("/cb", "absolute"),
        ("cb", "absolute"),
        ("1a:/cb", "absolute"),
        ("http://c.example/cb", "https, or http on localhost"),
        ("http://127.0.0.2/cb", "https, or http on localhost"),
        ("http://0.0.0.0/cb", "https, or http on localhost"),
        ("http://10.0.0.1/cb", "https, or http on localhost"),
        ("http://localhost.evil.example/cb", "https, or http on localhost"),
        ("http://127.0.0.1.evil.example/cb", "https, or http on localhost"),
        ("http://[::2]/cb", "https, or http on localhost"),
        ("http://localhost@evil.example/cb", "no user name"),
        ("https://user:secret@c.example/cb", "no user name"),
        ("cursor://user@anysphere/cb", "no user name"),
        ("https:c.example/cb", "no host"),
        ("https:///cb", "no host"),
        ("https://:443/cb", "no host"),
        ("https://c.example:/cb", "port that is none"),
        ("https://c.example:0/cb", "port that is none"),
        ("https://c.example:65536/cb", "port that is none"),
        ("https://c.example:99999999999999999999/cb", "port that is none"),
        ("https://c.example:443:443/cb", "port that is none"),
        ("https://c%2eexample/cb", "no host"),
        ("https://[::1/cb", "no host"),
        ("https://[::1]x/cb", "no host"),
        ("https://[::1]443/cb", "no host"),
        ("https://[fe80::1%25eth0]/cb", "no host"),
        ("https://c.example\\@evil.example/cb", "no URI has"),
        ("https://c.example/cb\r\nSet-Cookie: a", "no URI has"),
        ("https://c.example/\tcb", "no URI has"),
        ("https://c.example/\x00", "no URI has"),
        ("https://c.example/a b", "no URI has"),
        ("https://c.example/<x>", "no URI has"),
        ("https://c.example/%zz", "no URI has"),
        ("https://c.example/%", "no URI has"),
        ("https://bücher.example/cb", "no URI has"),
        ("https://c.example/\u202e", "no URI has"),
        ("https://c.example/\ud800", "no URI has"),
        (" https://c.example/cb", "no URI has"),
    ],
)
def test_what_leads_astray_is_refused(uri, fault):
    with pytest.raises(ValueError, match=fault):
        check_redirect_uri(uri, SCHEMES)


@pytest.mark.parametrize("scheme", ["javascript", "data", "file", "blob"])
def test_no_list_allows_what_a_browser_runs(scheme):
    with pytest.raises(ValueError, match="scheme"):
        check_redirect_uri(f"{scheme}:x", [scheme])


@pytest.mark.requirement("auth-redirect-exact")
@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("https://c.example/cb?x=1", "https://c.example/cb?x=1"),
        ("http://127.0.0.1/", "http://127.0.0.1:51004/"),
        ("http://127.0.0.1:33418/", "http://127.0.0.1:51004/"),
        ("http://127.0.0.1:33418/", "http://127.0.0.1/"),
        ("http://localhost/callback", "http://localhost:65535/callback"),
        ("http://[::1]/cb?x=1", "http://[::1]:8080/cb?x=1"),
        ("http://localhost", "http://localhost:8080"),
        ("cursor://anysphere.cursor-mcp/cb", "cursor://anysphere.cursor-mcp/cb"),
    ],
)
def test_the_port_of_loopback_is_free_and_all_else_is_letter_by_letter(registered, asked):
    assert is_same_redirect(registered, asked)
    assert find_redirect_uri(["https://other.example/", registered], asked)


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("https://c.example/cb", "https://c.example/cb/"),
        ("https://c.example/cb", "https://c.example/cb?x=1"),
        ("https://c.example/cb", "https://c.example:443/cb"),
        ("https://c.example/cb", "https://C.example/cb"),
        ("https://c.example/cb", "http://c.example/cb"),
        ("https://c.example/cb", "https://c.example/cb/../x"),
        ("https://c.example/cb", "https://c.example/c%62"),
        ("https://c.example/cb", "https://c.example.evil.example/cb"),
        ("https://c.example:1/cb", "https://c.example:2/cb"),
        ("https://localhost/cb", "https://localhost:2/cb"),
        ("http://localhost/cb", "http://127.0.0.1/cb"),
        ("http://127.0.0.1/cb", "http://[::1]/cb"),
        ("http://localhost/cb", "http://localhost:80/cb/"),
        ("http://localhost/cb", "http://localhost:80/cb?x"),
        ("http://localhost/cb", "http://localhost:0/cb"),
        ("http://localhost/cb", "http://localhost:65536/cb"),
        ("http://localhost/cb", "http://localhost:/cb"),
        ("http://localhost/cb", "http://localhost:8a/cb"),
        ("http://localhost/cb", "http://localhost:80@evil.example/cb"),
        ("http://localhost/cb", "http://localhost.evil.example/cb"),
        ("http://localhost/cb", "http://localhost:80\n/cb"),
        ("http://localhost/cb", "https://localhost:80/cb"),
        ("http://localhost/cb", "http://LOCALHOST:80/cb"),
        ("cursor://a/cb", "cursor://a:1/cb"),
    ],
)
def test_everything_else_is_another_place(registered, asked):
    assert not is_same_redirect(registered, asked)


REGISTERED = "http://localhost:8000/callback?x=1"


@given(st.text(alphabet="htps:/localhost127.0@?x=#1\\calbk[]8", max_size=60))
def test_only_ports_differ_from_what_was_registered(tail):
    asked = "http://localhost" + tail
    if not is_same_redirect(REGISTERED, asked):
        return

    port = asked.removeprefix("http://localhost").removesuffix("/callback?x=1")
    assert port == "" or (port[0] == ":" and 0 < int(port[1:]) < 65536)


@given(
    host=st.sampled_from(["localhost", "127.0.0.1", "[::1]", "evil.example", "localhost.evil"]),
    port=st.integers(0, 70000),
    path=st.sampled_from(["/callback?x=1", "/callback", "/callback?x=2", "/", "", "/Callback?x=1"]),
)
def test_no_other_host_and_no_other_path_is_ever_taken(host, port, path):
    is_taken = is_same_redirect(REGISTERED, f"http://{host}:{port}{path}")

    expected = host == "localhost" and path == "/callback?x=1" and 0 < port < 65536
    assert is_taken == expected


@given(st.text(max_size=80))
def test_any_text_is_taken_or_refused_and_never_breaks(text):
    try:
        check_redirect_uri(text, SCHEMES)
    except ValueError:
        return

    assert text.isascii()
    assert text.isprintable()
    assert redirect_host(text)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://claude.ai/api/mcp/auth_callback", "claude.ai"),
        ("https://c.example:8443/cb", "c.example:8443"),
        ("http://localhost:3335/cb", "localhost"),
        ("http://[::1]:3335/cb", "[::1]"),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_a_person_sees_where_the_answer_goes(uri, host):
    assert redirect_host(uri) == host


@pytest.mark.parametrize(
    ("uri", "is_loopback", "is_private"),
    [
        ("https://c.example/cb", False, False),
        ("https://localhost/cb", False, False),
        ("http://localhost:1/cb", True, False),
        ("http://[::1]/cb", True, False),
        ("cursor://a/cb", False, True),
    ],
)
def test_three_kinds_of_places_are_told_apart(uri, is_loopback, is_private):
    assert is_loopback_redirect(uri) is is_loopback
    assert is_private_redirect(uri) is is_private
