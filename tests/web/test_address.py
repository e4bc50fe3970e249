import pytest
from aiohttp import web as aiohttp_web
from aiohttp.test_utils import make_mocked_request

from atoms_mcp.web.address import PROXIES, Proxies, client_address

PROXY = "10.0.0.1"
OURS = Proxies(["10.0.0.0/8", "fd00::/8"])


def test_without_proxies_the_peer_it_is_whatever_the_header_says():
    assert Proxies([]).find_client(PROXY, ["203.0.113.7"]) == PROXY


def test_a_stranger_is_not_believed():
    assert OURS.find_client("198.51.100.1", ["203.0.113.7"]) == "198.51.100.1"


def test_a_trusted_proxy_tells_its_peer():
    assert OURS.find_client(PROXY, ["203.0.113.7"]) == "203.0.113.7"


def test_what_a_client_wrote_itself_is_left_of_what_the_proxy_added():
    assert OURS.find_client(PROXY, ["192.0.2.99, 203.0.113.7"]) == "203.0.113.7"
    assert OURS.find_client(PROXY, ["10.9.9.9, 203.0.113.7"]) == "203.0.113.7"


def test_a_chain_of_proxies_is_walked_back_to_the_first_stranger():
    told = ["192.0.2.99, 203.0.113.7, 10.0.0.3,fd00::2"]

    assert OURS.find_client(PROXY, told) == "203.0.113.7"


def test_all_lines_of_the_header_are_one():
    assert OURS.find_client(PROXY, ["192.0.2.99", "203.0.113.7", "10.0.0.3"]) == "203.0.113.7"


def test_where_all_are_proxies_the_farthest_one_it_is():
    assert OURS.find_client(PROXY, ["10.0.0.9, 10.0.0.3"]) == "10.0.0.9"


@pytest.mark.parametrize("lines", [[], [""], [" , "], ["unknown"], ["203.0.113.7, _hidden"]])
def test_what_is_no_address_ends_the_walk(lines):
    assert OURS.find_client(PROXY, lines) == PROXY
    assert OURS.find_client(PROXY, [*lines, "10.0.0.3"]) == "10.0.0.3"


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("203.0.113.7:4711", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_read_in_each_of_its_forms(told, meant):
    assert OURS.find_client(PROXY, [told]) == meant


@pytest.mark.parametrize(
    "told",
    ["[]", "[]:443", "[203.0.113.7", "203.0.113.7:", "203.0.113.7:123456", "0313.0.113.7", "7"],
)
def test_nothing_else_is_taken_for_one(told):
    assert OURS.find_client(PROXY, [told]) == PROXY


def test_a_proxy_is_known_by_its_ipv4_address_on_a_socket_of_both_kinds():
    assert OURS.find_client("::ffff:10.0.0.1", ["203.0.113.7"]) == "203.0.113.7"


@pytest.mark.parametrize(("peer", "told"), [(None, None), ("", None), ("a-socket", "a-socket")])
def test_a_peer_without_an_address_is_told_as_it_is(peer, told):
    assert OURS.find_client(peer, ["203.0.113.7"]) == told


def test_a_request_is_looked_at_from_any_part_of_the_application():
    app, part = aiohttp_web.Application(), aiohttp_web.Application()
    app[PROXIES] = OURS
    app.add_subapp("/part", part)
    headers = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=192.0.2.99"}
    request = make_mocked_request("GET", "/part", headers=headers, app=part)
    request.match_info.add_app(app)

    assert client_address(request.clone(remote=PROXY)) == "203.0.113.7"
    assert client_address(request.clone(remote="198.51.100.1")) == "198.51.100.1"
