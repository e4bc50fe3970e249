"""What the pages refer to: the stylesheet and the logo, under names that change with them.

Such an address always means the same bytes, so caches keep them for good.

Source: RFC 8246 (immutable).
"""

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files

from aiohttp import hdrs, web

from atoms_mcp.web.colour import ink_on
from atoms_mcp.web.theme import Logo, Theme

PLACE = "/assets/"
HEADERS: Mapping[str, str] = {
    hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    # An SVG that is opened by itself is a page: it must not do anything.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Files:
    """The files of one theme. `stylesheet` and `logo` are paths on this server."""

    def __init__(self, theme: Theme) -> None:
        self._by_name: dict[str, tuple[str, bytes]] = {}
        style = theme.variables() + "".join(_lines(read_asset("style.css")))
        self.stylesheet = self._add("style", "css", "text/css", style.encode())
        logo = theme.logo or Logo("svg", _own_mark(theme.accent))
        self.logo = self._add("logo", logo.kind, logo.content_type, logo.body)

    def get(self, name: str) -> tuple[str, bytes] | None:
        """Give type and bytes of a file, or None."""
        return self._by_name.get(name)

    def _add(self, noun: str, ending: str, content_type: str, body: bytes) -> str:
        name = f"{noun}.{hashlib.sha256(body).hexdigest()[:16]}.{ending}"
        self._by_name[name] = (content_type, body)
        return PLACE + name


FILES = web.AppKey("files", Files)


async def asset(request: web.Request) -> web.Response:
    """Give a file of the pages."""
    found = request.app[FILES].get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    content_type, body = found
    return web.Response(body=body, content_type=content_type, headers=HEADERS)


def read_asset(name: str) -> str:
    """Give an asset of the package as text."""
    return files("atoms_mcp.web.assets").joinpath(name).read_text(encoding="utf-8")


def _own_mark(accent: str) -> bytes:
    mark = read_asset("mark.svg").replace("#ffffff", ink_on(accent)).replace("#3157d5", accent)
    return mark.encode()


def _lines(style: str) -> Iterator[str]:
    """Give the lines of a stylesheet without indentation: they are sent to everybody."""
    for line in style.splitlines():
        yield f"{line.strip()}\n"
