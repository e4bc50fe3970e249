"""Whether the endpoint tells a client without a token where to get one.

Source: RFC 6750 section 3, RFC 9728 section 5.1, MCP 2026-07-28 authorization.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from atoms_mcp.doctor.finding import Finding, fault, good, warning
from atoms_mcp.doctor.visit import Answer, Visitor

SUBJECT = "challenge"
ACCEPT = {"Accept": "application/json, text/event-stream"}
OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "atoms-mcp doctor", "version": "1"},
    },
}
UNAUTHORIZED = 401
WRONG_HOST = 421
REDIRECTS = range(300, 400)
FIELD = re.compile(r'([a-z_]+)="([^"]*)"')


def read_challenge(value: str) -> dict[str, str]:
    """Give the fields of a WWW-Authenticate value as clients find them."""
    return dict(FIELD.findall(value))


async def examine_challenge(visitor: Visitor, url: str) -> tuple[list[Finding], str | None]:
    """Look at the endpoint without a token, and with a bad one.

    Gives the findings and the URL of the metadata document, None where none was named.

    Raises:
        Unreachable: nobody answers at `url`.
    """
    answer = await visitor.ask("POST", url, headers=ACCEPT, json=OPENING)
    if answer.status != UNAUTHORIZED:
        return [_judge_status(answer)], None
    findings, metadata_url = judge_challenge(answer.headers.getall("WWW-Authenticate", []))
    bare = await visitor.ask("GET", url, headers=ACCEPT)
    if bare.status != UNAUTHORIZED or not bare.headers.get("WWW-Authenticate"):
        findings.append(
            fault(
                SUBJECT,
                f"GET without a token is answered {bare.status}, without a challenge",
                "Clients that begin with GET (mcp-remote) look for it there; let GET pass.",
            )
        )
    bad = await visitor.ask(
        "POST", url, headers={**ACCEPT, "Authorization": "Bearer x.y.z"}, json=OPENING
    )
    told = read_challenge(bad.headers.get("WWW-Authenticate", ""))
    if bad.status != UNAUTHORIZED or told.get("error") != "invalid_token":
        findings.append(
            fault(
                SUBJECT,
                f'a bad token is answered {bad.status}, without error="invalid_token"',
                "Clients refresh by that word; a proxy in between may have taken it away.",
            )
        )
    return findings, metadata_url


def judge_challenge(values: Sequence[str]) -> tuple[list[Finding], str | None]:
    """Judge the WWW-Authenticate headers of a request that had no token."""
    if not values:
        fix = "A proxy may strip it; let the WWW-Authenticate header of 401 answers pass."
        return [fault(SUBJECT, "401 without a WWW-Authenticate header", fix)], None
    findings = []
    if len(values) > 1:
        fix = "Something in between adds one of its own; clients read the first and go astray."
        findings.append(fault(SUBJECT, f"{len(values)} WWW-Authenticate headers", fix))
    told = read_challenge(values[0])
    metadata_url = told.get("resource_metadata")
    if not values[0].startswith("Bearer ") or metadata_url is None:
        fix = 'It has to be: Bearer resource_metadata="https://...", scope="...".'
        findings.append(fault(SUBJECT, "the challenge names no resource_metadata", fix))
    elif not urlsplit(metadata_url).scheme:
        fix = "Set ATOMS_FASTMCP_BASE_URL to the public URL."
        findings.append(fault(SUBJECT, "resource_metadata is no absolute URL", fix))
    if "error" in told:
        fix = "Some clients take that for a failed login and never start one."
        findings.append(warning(SUBJECT, "an error is named although no token came", fix))
    return findings or [good(SUBJECT, "401 says where to sign in")], metadata_url


def _judge_status(answer: Answer) -> Finding:
    if answer.status == WRONG_HOST:
        return fault(
            SUBJECT,
            "the server does not know itself by that host name (421)",
            "Set ATOMS_FASTMCP_BASE_URL to this URL's origin, or add it to ATOMS_ALLOWED_HOSTS.",
        )
    if answer.status in REDIRECTS:
        where = answer.headers.get("Location", "nowhere")
        fix = "Use that URL; most clients do not follow redirects of a POST."
        return fault(SUBJECT, f"redirected to {where}", fix)
    if answer.status < 300:  # noqa: PLR2004 - success
        fix = "Whoever reaches the URL can use it: look for what answers in the server's place."
        return fault(SUBJECT, "it answers without any token", fix)
    fix = "Is this the MCP endpoint? It is /api/mcp unless ATOMS_FASTMCP_HTTP_PATH says otherwise."
    return fault(SUBJECT, f"a request without a token is answered {answer.status}, not 401", fix)
