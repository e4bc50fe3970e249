"""Whether a client can register, and finds a page to sign in on.

What is registered here is never used; a server of ours keeps nothing of it.

Source: RFC 7591, RFC 6749 sections 4.1 and 5.2, RFC 7636; RFC 9700 (framing).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from atoms_mcp.doctor.finding import Finding, fault, good, note, warning
from atoms_mcp.doctor.visit import Answer, Visitor

SUBJECT = "registration"
PAGE = "sign-in page"
TOKENS = "token endpoint"
CALLBACK = "http://127.0.0.1:33418/callback"
CLIENT = {
    "client_name": "atoms-mcp doctor",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}
# Nobody redeems anything by it: it only has to look right.
VERIFIER = "doctor" * 8
CREATED = 201
OK = 200
BAD_REQUEST = 400


async def examine_sign_in(visitor: Visitor, document: Mapping[str, Any]) -> list[Finding]:
    """Go as far as the sign-in page, with the endpoints of the server's metadata."""
    findings = []
    client_id = None
    if isinstance(where := document.get("registration_endpoint"), str):
        answer = await visitor.ask("POST", where, json=CLIENT)
        finding, client_id = judge_registration(answer)
        findings.append(finding)
    else:
        findings.append(note(SUBJECT, "clients cannot register themselves here"))
    if isinstance(where := document.get("authorization_endpoint"), str):
        findings += await _examine_page(visitor, where, client_id)
    if isinstance(where := document.get("token_endpoint"), str):
        form = {
            "grant_type": "authorization_code",
            "code": "none",
            "code_verifier": VERIFIER,
            "client_id": client_id or "unknown",
            "redirect_uri": CALLBACK,
        }
        findings.append(judge_refusal(await visitor.ask("POST", where, form=form)))
    return findings


def judge_registration(answer: Answer) -> tuple[Finding, str | None]:
    """Judge the answer to a registration; gives the client id, too."""
    told = answer.parse() or {}
    client_id = told.get("client_id")
    if answer.status != CREATED or not isinstance(client_id, str):
        reason = told.get("error_description") or told.get("error") or answer.media_type
        fix = "Clients on people's machines come back to http://127.0.0.1; it must be allowed."
        return fault(SUBJECT, f"refused with {answer.status}: {reason}", fix), None
    if told.get("redirect_uris") != [CALLBACK]:
        fix = "Clients compare what was registered with what they asked for."
        return warning(SUBJECT, "redirect_uris come back changed", fix), client_id
    return good(SUBJECT, "a client can register itself"), client_id


async def _examine_page(visitor: Visitor, where: str, client_id: str | None) -> list[Finding]:
    stranger = await visitor.ask("GET", f"{where}?{_query('unknown-client')}")
    findings = []
    if stranger.status != BAD_REQUEST or "Location" in stranger.headers:
        fix = "An unknown client must be told so on a page (400), and never be redirected."
        findings.append(
            fault(PAGE, f"an unknown client is answered {stranger.status}, not 400", fix)
        )
    if client_id is not None:
        findings += judge_page(await visitor.ask("GET", f"{where}?{_query(client_id)}"))
    return findings


def judge_page(answer: Answer) -> list[Finding]:
    """Judge the page that a browser gets to sign in on."""
    if answer.status != OK or answer.media_type != "text/html":
        told = f"answered {answer.status} with {answer.media_type or 'no type'}, not with a page"
        return [fault(PAGE, told, "The server's log says why; look for its X-Request-Id.")]
    policy = answer.headers.get("Content-Security-Policy", "")
    findings = []
    if "form-action" in policy:
        fix = "Browsers apply it to the way back to the client, which then never arrives."
        findings.append(fault(PAGE, "its Content-Security-Policy has form-action", fix))
    if "frame-ancestors 'none'" not in policy:
        fix = "Another site could frame it; let the server's own header pass."
        findings.append(fault(PAGE, "its Content-Security-Policy lacks frame-ancestors", fix))
    return findings or [good(PAGE, "it is shown, and nobody can frame it")]


def judge_refusal(answer: Answer) -> Finding:
    """Judge the answer to a code that was never issued."""
    told = answer.parse() or {}
    if answer.status not in {BAD_REQUEST, 401} or told.get("error") not in {
        "invalid_grant",
        "invalid_client",
    }:
        fix = "Clients read the error by its code; something in between may answer instead."
        return fault(TOKENS, f"a wrong code is answered {answer.status} {told.get('error')}", fix)
    if "no-store" not in answer.headers.get("Cache-Control", ""):
        return warning(TOKENS, "its answers may be kept by caches", "Let Cache-Control pass.")
    return good(TOKENS, "a wrong code is refused as it should be")


def _query(client_id: str) -> str:
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    return urlencode(
        {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "state": "doctor",
        }
    )
