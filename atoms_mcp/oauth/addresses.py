"""Which network addresses are public: only those may be asked for what a stranger names.

Source: IANA special-purpose address registries (RFC 6890 and later); RFC 6598 (shared address
space); RFC 6052 section 2.1 (NAT64); MCP 2026-07-28 authorization, SSRF.
"""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and where clouds tell secrets
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All that is given out for use anywhere lies in the first; the rest takes back parts of it.
GLOBAL_V6 = IPv6Network("2000::/3")
SPECIAL_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address of anybody's choice
        "3fff::/20",
    )
)
# Both hold an IPv4 address in their last 32 bits.
MAPPED_V6 = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")
V4_BITS = 0xFFFF_FFFF


def is_public_address(text: str) -> bool:
    """Tell whether `text` is an address that anybody on the Internet could reach.

    What is no address is none. An IPv4 address inside of an IPv6 one counts as itself.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_v6(address)
    return _is_public_v4(address)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in SPECIAL_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    if address in MAPPED_V6 or address in NAT64:
        return _is_public_v4(IPv4Address(int(address) & V4_BITS))
    return address in GLOBAL_V6 and not any(address in network for network in SPECIAL_V6)
