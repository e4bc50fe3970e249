"""The whole examination, in the order in which a client meets things."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from atoms_mcp.doctor.challenge import examine_challenge
from atoms_mcp.doctor.clock import judge_clock
from atoms_mcp.doctor.finding import Finding, fault, good
from atoms_mcp.doctor.metadata import LOOPBACK, examine_resource, examine_server
from atoms_mcp.doctor.project import examine_project
from atoms_mcp.doctor.sign_in import examine_sign_in
from atoms_mcp.doctor.visit import Unreachable, Visitor, open_session

SUBJECT = "address"


async def examine(url: str, project: tuple[str, str] | None = None) -> AsyncIterator[Finding]:
    """Give the findings one by one, as they are made.

    `url` is the one that users type. `project` is URL and publishable key of the Supabase
    project, where they are known.
    """
    async with open_session() as session:
        visitor = Visitor(session)
        try:
            async for finding in _examine_server(visitor, url):
                yield finding
        except Unreachable as exc:
            yield fault(SUBJECT, str(exc), "Is the server running, and the URL right?")
        if project is not None:
            try:
                for finding in await examine_project(visitor, *project):
                    yield finding
            except Unreachable as exc:
                yield fault("Supabase", str(exc), "Is the project paused, or the URL wrong?")


async def _examine_server(visitor: Visitor, url: str) -> AsyncIterator[Finding]:
    yield judge_url(url)
    findings, named = await examine_challenge(visitor, url)
    for finding in findings:
        yield finding
    parts = urlsplit(url)
    health = await visitor.ask("GET", f"{parts.scheme}://{parts.netloc}/healthz")
    yield judge_clock("the server", health)
    findings, issuer = await examine_resource(visitor, url, named)
    for finding in findings:
        yield finding
    if issuer is None:
        return
    findings, document = await examine_server(visitor, issuer)
    for finding in findings:
        yield finding
    # Elsewhere a stranger's registration would stay behind.
    if document and urlsplit(issuer).netloc == parts.netloc:
        for finding in await examine_sign_in(visitor, document):
            yield finding


def judge_url(url: str) -> Finding:
    """Judge what users are to type."""
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        fix = "Put TLS in front: clients refuse to send tokens over plain http."
        return fault(SUBJECT, "plain http, and not on this machine", fix)
    if url.endswith("/"):
        return fault(SUBJECT, "the URL ends with a slash", f"Type {url.rstrip('/')} instead.")
    return good(SUBJECT, url)
