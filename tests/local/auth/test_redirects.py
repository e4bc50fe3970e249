import pytest

from atoms_mcp.local.auth.redirects import (
    add_query,
    choose_redirect,
    is_loopback_address,
    put_fragment,
)

SITE = "https://atoms.example:8443/app"


@pytest.mark.parametrize(
    "asked",
    [
        "https://atoms.example:8443/sign-in?next=%2Fa#b",
        "http://127.0.0.1:7654/callback",
        "https://127.9.9.9",
        "http://[::1]:5/x",
    ],
)
def test_the_sites_own_places_and_this_machine_are_honoured(asked):
    assert choose_redirect(asked, SITE) == asked


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "/relative",
        "//atoms.example:8443/x",
        "https://atoms.example/x",
        "https://atoms.example:9000/x",
        "http://atoms.example:8443/x",
        "https://atoms.example.evil.example:8443/",
        "https://atoms.example:8443@evil.example/",
        "http://localhost:7654/callback",
        "http://192.0.2.1/",
        "myapp://127.0.0.1/x",
        "javascript:alert(1)",
        "http://[::1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/\r\nX-Injected: 1",
    ],
)
def test_other_places_are_silently_the_site(asked):
    assert choose_redirect(asked, SITE) == SITE


def test_a_site_on_localhost_may_have_any_port():
    asked = "http://localhost:3000/x"

    assert choose_redirect(asked, "http://localhost:8000") == asked


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", False), ("192.0.2.1", False), ("", False)],
)
def test_names_are_no_loopback_addresses(host, is_loopback):
    assert is_loopback_address(host) is is_loopback


def test_a_query_keeps_what_it_had():
    url = add_query("http://a/b?x=&code=old&y=%26#f", {"code": "a b"})

    assert url == "http://a/b?x=&y=%26&code=a+b#f"


def test_a_fragment_is_replaced():
    assert put_fragment("http://a/b?x=1#old", {"e": "a&b"}) == "http://a/b?x=1#e=a%26b"
