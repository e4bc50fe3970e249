"""Where a request comes from: the peer, or what trusted proxies say of theirs.

Only `X-Forwarded-For` is read, and only behind a proxy of ATOMS_TRUSTED_PROXIES. `Forwarded`
is not, nor does any header change scheme or host: the public URL is configured.
"""

import ipaddress
import re
from collections.abc import Iterable

from aiohttp import web

FORWARDED_FOR = "X-Forwarded-For"
# 192.0.2.1:443 and [2001:db8::1]:443; a bare IPv6 address has no port to cut off.
WITH_PORT = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[0-9.]+))(?::[0-9]{1,5})?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """The networks whose word on their peers is taken; each is like 10.0.0.0/8."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def find_client(self, peer: str | None, lines: Iterable[str]) -> str | None:
        """Give the address of the client behind `peer`, which `lines` of the header tell.

        From the right, as each proxy adds its own peer there: the first one that is no proxy
        of ours. What stands further left is the client's own invention. A word that is no
        address ends the walk at the proxy that passed it on.
        """
        found = _parse(peer or "")
        if found is None:
            return peer or None
        if not self._has(found):
            return str(found)
        for entry in reversed(",".join(lines).split(",")):
            hop = _parse(entry)
            if hop is None:
                break
            found = hop
            if not self._has(hop):
                break
        return str(found)

    def _has(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


PROXIES = web.AppKey("proxies", Proxies)


def client_address(request: web.Request) -> str | None:
    """Give the client's address as far as it is known for sure; None for a peer without one."""
    proxies = request.config_dict[PROXIES]
    return proxies.find_client(request.remote, request.headers.getall(FORWARDED_FOR, ()))


def _parse(text: str) -> Address | None:
    """Give an address without port and zone, IPv4 in its own form; None where it is none."""
    text = text.strip()
    if found := WITH_PORT.fullmatch(text):
        text = found["bracketed"] or found["plain"] or ""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
