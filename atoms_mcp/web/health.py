"""For whoever watches this process."""

from aiohttp import web

from atoms_mcp.web.keys import READINESS
from atoms_mcp.web.problem import NO_STORE, render


async def healthz(request: web.Request) -> web.Response:
    """Answer while the process lives, whatever is wrong elsewhere."""
    del request
    return render({"status": "ok"}, headers=NO_STORE)


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 while requests make sense, else 503 with what is missing."""
    checks = await request.app[READINESS].check()
    is_ready = all(outcome == "ok" for outcome in checks.values())
    return render(
        {"status": "ready" if is_ready else "not_ready", "checks": checks},
        status=200 if is_ready else 503,
        headers=NO_STORE,
    )
