"""Who the clients are: registered here, named by their document, or written down by the operator.

A registration is kept nowhere. The client_id is the registration, sealed: a restart or another
replica knows it as well, nothing fills up, and no client can become unknown.

Source: RFC 7591, RFC 6749 section 2.3; OAuth Client ID Metadata Document.
"""

import hmac
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from atoms_mcp.errors import ConfigError
from atoms_mcp.identity.documents import Documents
from atoms_mcp.identity.quota import Quota
from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.oauth.authorize import MAX_CLIENT_ID_BYTES
from atoms_mcp.oauth.clients import AUTH_METHODS, DOCUMENT_PREFIX, Client, digest_secret
from atoms_mcp.oauth.configured import parse_clients
from atoms_mcp.oauth.errors import UNAUTHORIZED, OAuthError, UnknownClient
from atoms_mcp.oauth.registration import Registration, parse_registration
from atoms_mcp.oauth.token_request import BASIC_CHALLENGE, ClientCredentials

PURPOSE = "client"
SECRET_BYTES = 32
FORBIDDEN = 403


def load_clients(path: Path | None, schemes: Collection[str]) -> Mapping[str, Client]:
    """Give the clients of the operator's file, by id.

    Raises:
        ConfigError: with every fault found.
    """
    if path is None:
        return {}
    try:
        return parse_clients(path.read_text(encoding="utf-8"), schemes)
    except ConfigError as exc:
        raise ConfigError(
            [f"ATOMS_OAUTH_CLIENTS: {path}: {fault}" for fault in exc.faults]
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError([f"ATOMS_OAUTH_CLIENTS: {path} cannot be read ({exc})"]) from exc


class Clients:
    """Registers, finds and authenticates clients.

    `documents` is None where none are accepted; `can_register` says whether clients may
    register. Those that did before go on. `quota` is how much of both one address may cause.
    """

    def __init__(  # noqa: PLR0913 - all of them are named
        self,
        seal: Seal,
        *,
        documents: Documents | None = None,
        configured: Mapping[str, Client] | None = None,
        schemes: Collection[str] = (),
        can_register: bool = True,
        quota: Quota | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._seal = seal
        self._documents = documents
        self._configured = configured or {}
        self._schemes = tuple(schemes)
        self._can_register = can_register
        self._quota = quota
        self._now = now

    async def count(self, address: str | None) -> None:
        """Count one registration of an address before it is looked at.

        Raises:
            TooOften: it has caused enough for now.
        """
        if self._quota is not None:
            await self._quota.take(address)

    def register(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Register a client and give the answer to it.

        Raises:
            OAuthError: invalid_redirect_uri, invalid_client_metadata; access_denied (403) where
                clients may not register.
        """
        if not self._can_register:
            raise OAuthError(
                "access_denied",
                "Clients cannot register here; ask the operator for a client_id",
                status=FORBIDDEN,
            )
        registration = parse_registration(metadata, self._schemes)
        has_secret = registration.auth_method != "none"
        secret = secrets.token_urlsafe(SECRET_BYTES) if has_secret else None
        issued_at = int(self._now())
        client_id = self._seal_client(registration, issued_at, secret)
        return registration.render(client_id, issued_at, secret)

    async def find(self, client_id: str, address: str | None = None) -> Client:
        """Give the client that `client_id` names; `address` is whose request makes us look.

        Raises:
            UnknownClient: there is none, or its document cannot be had.
            TooOften: a document would have to be fetched, and the address caused enough of that.
        """
        if self._documents is None or not client_id.startswith(DOCUMENT_PREFIX):
            return self._find_here(client_id)
        if not self._documents.is_at_hand(client_id):
            await self.count(address)
        return await self._documents.find(client_id)

    def admit(self, credentials: ClientCredentials) -> Client:
        """Give the client that presents a grant, authenticated.

        No document is fetched for that: its client is public, what it presents was sealed for
        its id, and a person's access should not end because a document cannot be had.

        Raises:
            UnknownClient: there is none.
            OAuthError: invalid_client; not authenticated.
        """
        client_id = credentials.client_id
        if self._documents is not None and client_id.startswith(DOCUMENT_PREFIX):
            host = self._documents.check(client_id)
            client = Client(client_id, host, (), auth_method="none", origin="document")
        else:
            client = self._find_here(client_id)
        self.authenticate(client, credentials)
        return client

    def authenticate(self, client: Client, credentials: ClientCredentials) -> None:
        """Check that `credentials` are those of `client`; in which of the two ways is the same.

        Raises:
            OAuthError: invalid_client.

        Source: RFC 6749 sections 2.3.1 and 5.2.
        """
        expected = client.secret_digest
        if expected is None and not credentials.secrets:
            return
        # Each is compared, whichever fits: the time tells nothing.
        fits = [
            hmac.compare_digest(digest_secret(secret), expected or "")
            for secret in credentials.secrets
        ]
        if not any(fits):
            is_basic = credentials.method == "client_secret_basic"
            raise OAuthError(
                "invalid_client",
                "The client secret is missing or wrong",
                status=UNAUTHORIZED,
                challenge=BASIC_CHALLENGE if is_basic else None,
            )

    def _seal_client(self, registration: Registration, issued_at: int, secret: str | None) -> str:
        """Give the registration as a client_id, which has to fit into URLs.

        Of a secret only the digest is in it, so that it outlives the key that sealed it.
        """
        claims: dict[str, Any] = {
            "n": registration.name,
            "r": registration.redirect_uris,
            "m": AUTH_METHODS.index(registration.auth_method),
            "s": registration.scope,
            "t": issued_at,
        }
        if secret is not None:
            claims["d"] = digest_secret(secret)
        try:
            client_id = self._seal.seal(PURPOSE, claims)
        except ValueError:
            client_id = ""
        if not client_id or len(client_id) > MAX_CLIENT_ID_BYTES:
            raise OAuthError(
                "invalid_client_metadata",
                "Name and redirect URIs are too long together; register fewer or shorter ones",
            )
        return client_id

    def _find_here(self, client_id: str) -> Client:
        known = self._configured.get(client_id)
        if known is not None:
            return known
        try:
            claims = self._seal.open(PURPOSE, client_id)
            return Client(
                client_id=client_id,
                name=claims["n"],
                redirect_uris=tuple(claims["r"]),
                auth_method=AUTH_METHODS[claims["m"]],
                origin="registered",
                secret_digest=claims.get("d"),
                scope=claims["s"],
            )
        except (SealBroken, LookupError):  # not ours, or made by another version
            raise UnknownClient from None
