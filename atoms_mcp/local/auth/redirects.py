"""Where a browser is sent afterwards, and what is written into that address.

Source: Supabase documentation, "Redirect URLs".
"""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

WEB = frozenset({"http", "https"})


def choose_redirect(asked: str, site_url: str) -> str:
    """Give the address that was asked for if it may be used, else silently the site's.

    It may be used on the site's own scheme, host and port (any port on loopback), and on a
    loopback address of any kind. A name such as localhost is no address.
    """
    try:
        wanted, site = urlsplit(asked), urlsplit(site_url)
        port, site_port = wanted.port, site.port
    except ValueError:
        return site_url
    host = wanted.hostname or ""
    if wanted.scheme not in WEB or not host or any(ord(sign) <= ord(" ") for sign in asked):
        return site_url
    if is_loopback_address(host):
        return asked
    is_site = (wanted.scheme, host) == (site.scheme, site.hostname)
    return asked if is_site and (port == site_port or host == "localhost") else site_url


def is_loopback_address(host: str) -> bool:
    """Tell whether `host` is an IP address of this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def add_query(url: str, parameters: Mapping[str, str]) -> str:
    """Put `parameters` into the query of `url`, over those of the same names."""
    parts = urlsplit(url)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in parameters
    ]
    return urlunsplit(parts._replace(query=urlencode([*kept, *parameters.items()])))


def put_fragment(url: str, parameters: Mapping[str, str]) -> str:
    """Put `parameters` into the fragment of `url`, in the place of what was there."""
    return urlunsplit(urlsplit(url)._replace(fragment=urlencode(parameters)))
