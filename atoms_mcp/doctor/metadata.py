"""Whether the metadata documents are where clients look, and agree with one another.

Source: RFC 9728, RFC 8414, OpenID Connect Discovery; MCP 2026-07-28 authorization.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from atoms_mcp.doctor.finding import Finding, fault, good, note, warning
from atoms_mcp.doctor.visit import STRANGER, Answer, Visitor
from atoms_mcp.oauth.metadata import WELL_KNOWN, protected_resource_path

RESOURCE = "resource metadata"
SERVER = "server metadata"
OK = 200
JSON = "application/json"
VERSION_HEADER = "MCP-Protocol-Version"
ENDPOINTS = ("authorization_endpoint", "token_endpoint")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


async def examine_resource(
    visitor: Visitor, url: str, named: str | None
) -> tuple[list[Finding], str | None]:
    """Look at the RFC 9728 document; gives the findings and the issuer it names."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    places = dict.fromkeys(
        [*([named] if named else []), origin + protected_resource_path(url), origin + WELL_KNOWN]
    )
    answers = [await visitor.ask("GET", place, headers={"Origin": STRANGER}) for place in places]
    findings, issuer = judge_resource(url, answers[0])
    for answer in answers[1:]:
        if answer.status != OK or answer.parse() != answers[0].parse():
            fix = "Let /.well-known/ of the server pass as it is, at both paths."
            findings.append(fault(RESOURCE, f"{answer.url} has not the same document", fix))
    findings += await _examine_cors(visitor, RESOURCE, answers[0])
    return findings or [good(RESOURCE, f"it names {issuer}")], issuer


def judge_resource(url: str, answer: Answer) -> tuple[list[Finding], str | None]:
    """Judge the document for the endpoint that a user typed as `url`."""
    document, problem = _read(RESOURCE, answer)
    if document is None:
        return [problem], None
    findings = []
    if document.get("resource") != url:
        findings.append(
            fault(
                RESOURCE,
                f"resource is {document.get('resource')}, not {url}",
                "Clients compare them letter by letter. Type exactly that URL, or set "
                "ATOMS_FASTMCP_BASE_URL to the one that users type.",
            )
        )
    issuers = document.get("authorization_servers")
    if not isinstance(issuers, list) or not issuers or not isinstance(issuers[0], str):
        fix = "Update the server; clients have nowhere to sign in."
        return [*findings, fault(RESOURCE, "no authorization_servers", fix)], None
    return findings, issuers[0]


async def examine_server(visitor: Visitor, issuer: str) -> tuple[list[Finding], dict[str, Any]]:
    """Look at the RFC 8414 document of the issuer; gives the findings and the document."""
    parts = urlsplit(issuer)
    origin = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.removesuffix("/")
    places = [
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    ]
    answers = [await visitor.ask("GET", place, headers={"Origin": STRANGER}) for place in places]
    answer = next((answer for answer in answers if answer.status == OK), answers[0])
    findings, document = judge_server(issuer, answer)
    if not document:
        return findings, document
    if answers[0].status != OK:
        fix = "Older clients ask there only."
        findings.append(warning(SERVER, f"{places[0]} is answered {answers[0].status}", fix))
    findings += await _examine_cors(visitor, SERVER, answer)
    token_url = document.get("token_endpoint")
    if isinstance(token_url, str) and not await visitor.may_read("POST", token_url, "Content-Type"):
        fix = "Clients in a browser cannot sign in; let OPTIONS pass to the server."
        findings.append(
            warning(SERVER, "pages of other origins may not use the token endpoint", fix)
        )
    return findings or [good(SERVER, f"issuer {issuer}")], document


def judge_server(issuer: str, answer: Answer) -> tuple[list[Finding], dict[str, Any]]:
    """Judge the document; {} where there is none."""
    document, problem = _read(SERVER, answer)
    if document is None:
        return [problem], {}
    findings = []
    if document.get("issuer") != issuer:
        fix = "They have to be the same to the last slash; set ATOMS_FASTMCP_BASE_URL without one."
        findings.append(
            fault(SERVER, f"issuer is {document.get('issuer')}, expected {issuer}", fix)
        )
    return [*findings, *_judge_endpoints(document), *_judge_abilities(document)], document


def _judge_endpoints(document: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for name in ENDPOINTS:
        endpoint = document.get(name)
        if not isinstance(endpoint, str):
            findings.append(fault(SERVER, f"no {name}", "Clients cannot go on without it."))
        elif not _is_safe(endpoint):
            fix = "Put TLS in front and set ATOMS_FASTMCP_BASE_URL to the https URL."
            findings.append(fault(SERVER, f"{name} is plain http: {endpoint}", fix))
    return findings


def _judge_abilities(document: Mapping[str, Any]) -> list[Finding]:
    findings = []
    if "S256" not in (document.get("code_challenge_methods_supported") or ()):
        fix = "Clients must refuse a server that does not say so."
        findings.append(fault(SERVER, "code_challenge_methods_supported has no S256", fix))
    if "code" not in (document.get("response_types_supported") or ()):
        findings.append(fault(SERVER, "response_types_supported has no code", "It is required."))
    if "none" not in (document.get("token_endpoint_auth_methods_supported") or ()):
        fix = "Public clients (Claude, Codex) look for it."
        findings.append(warning(SERVER, "public clients are not announced (none)", fix))
    has_documents = document.get("client_id_metadata_document_supported") is True
    if "registration_endpoint" not in document and not has_documents:
        fix = "ATOMS_OAUTH_REGISTRATION=on lets clients register; else configure each of them."
        findings.append(note(SERVER, "clients cannot introduce themselves", fix))
    return findings


async def _examine_cors(visitor: Visitor, subject: str, answer: Answer) -> list[Finding]:
    """Look whether a client in a browser can read the document."""
    is_open = answer.headers.get("Access-Control-Allow-Origin") in {"*", STRANGER}
    if is_open and await visitor.may_read("GET", answer.url, VERSION_HEADER):
        return []
    fix = "Clients in a browser cannot read it; let the CORS headers and OPTIONS pass."
    return [warning(subject, f"{answer.url} is closed to pages of other origins", fix)]


def _read(subject: str, answer: Answer) -> tuple[dict[str, Any] | None, Finding]:
    document = answer.parse()
    fix = "Let /.well-known/ pass to the server, unchanged; an HTML page or a redirect misleads."
    told = f"{answer.url} is answered {answer.status} with {answer.media_type or 'no type'}"
    if answer.status != OK or document is None or answer.media_type != JSON:
        return None, fault(subject, told, fix)
    return document, good(subject, told)


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK
