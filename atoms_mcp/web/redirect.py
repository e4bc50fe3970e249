"""Sending a browser on after a form.

Source: RFC 9110 section 15.4.4; RFC 9700 sections 4.2.4 (referrer) and 4.12 (303, not 307).
"""

from collections.abc import Mapping

from aiohttp import hdrs, web

HEADERS: Mapping[str, str] = {
    hdrs.CACHE_CONTROL: "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def send_on(location: str) -> web.Response:
    """Give a 303: the browser goes there by GET, leaving what was sent in the form behind.

    `location` is taken as it stands; whoever made it has encoded it.
    """
    response = web.Response(status=303, headers=HEADERS)
    response.headers[hdrs.LOCATION] = location
    return response
