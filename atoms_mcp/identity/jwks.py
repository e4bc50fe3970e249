"""The project's public keys: fetched when needed, kept ten minutes, served stale in an outage.

A key says itself which algorithm it is for; a token has no say in that, and no key, URL or
header of a token is ever followed.

Source: RFC 7517; RFC 7518 section 3.1; RFC 8037 (EdDSA); RFC 8725 section 3.1.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from atoms_mcp.identity.flight import Flight
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

FRESH_S = 600
# How long keys serve after they should have been renewed, while Auth cannot be asked.
STALE_S = 24 * 3600
# Between two fetches because of a key nobody knows: made-up ones must cost next to nothing.
UNKNOWN_KID_S = 30
# Between two tries while Auth cannot be asked.
RETRY_S = 5
# For newer keys, where older ones would do.
PATIENCE_S = 2
MAX_KEYS = 32
MIN_RSA_BITS = 2048
PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
ALGORITHMS: dict[tuple[object, object], str] = {
    ("EC", "P-256"): "ES256",
    ("RSA", None): "RS256",
    ("OKP", "Ed25519"): "EdDSA",
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key and the one algorithm that it verifies."""

    kid: str | None
    algorithm: str
    key: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys as fetched at `fetched_at`."""

    keys: tuple[SigningKey, ...]
    fetched_at: float

    def get(self, kid: str | None) -> SigningKey | None:
        """Give the key of that id; without an id, the only key there is."""
        if kid is None:
            return self.keys[0] if len(self.keys) == 1 else None
        return next((key for key in self.keys if key.kid == kid), None)


class Jwks:
    """The key set of the project, cached. `now` gives Unix seconds."""

    def __init__(self, auth: SupabaseAuth, *, now: Callable[[], float] = time.time) -> None:
        self._auth = auth
        self._now = now
        self._flight: Flight[None, KeySet] = Flight()
        self._held: KeySet | None = None
        self._failed_at = float("-inf")
        self._failure: SupabaseError | None = None
        self._searched_at = float("-inf")

    async def find(self, kid: str | None) -> SigningKey | None:
        """Give the key that signed, or None where the project has no such key.

        A key id that is not known makes the set be fetched again, at most every
        30 seconds: it may be a key of a rotation that just happened.

        Raises:
            SupabaseError: the keys, or newer ones, cannot be had.
        """
        held = await self.load()
        key = held.get(kid)
        if key is not None:
            return key
        now = self._now()
        if now - self._searched_at >= UNKNOWN_KID_S and now > held.fetched_at:
            held = await self._fetch()
            self._searched_at = now
        return held.get(kid)

    async def load(self) -> KeySet:
        """Give the key set, at most ten minutes old unless Auth cannot be asked.

        Raises:
            SupabaseError: there is none that may still be served.
        """
        held = self._held
        now = self._now()
        if held is not None and now - held.fetched_at < FRESH_S:
            return held
        if held is None or now - held.fetched_at >= FRESH_S + STALE_S:
            return await self._fetch()
        try:
            # The fetch itself goes on; only this caller waits no longer for it.
            async with asyncio.timeout(PATIENCE_S):
                return await self._fetch()
        except (SupabaseError, TimeoutError):
            return held

    async def _fetch(self) -> KeySet:
        if self._failure is not None and self._now() - self._failed_at < RETRY_S:
            raise _again(self._failure)
        return await self._flight.share(None, self._renew)

    async def _renew(self) -> KeySet:
        try:
            jwks = await self._auth.fetch_jwks()
        except SupabaseError as exc:
            self._failure, self._failed_at = _again(exc), self._now()
            raise
        self._failure = None
        self._held = KeySet(read_keys(jwks["keys"]), self._now())
        return self._held


def _again(failure: SupabaseError) -> SupabaseError:
    """Give a failure anew: one that is raised over and over gathers the frames it passed."""
    return SupabaseError(
        failure.kind,
        failure.message,
        status=failure.status,
        code=failure.code,
        retry_after_s=failure.retry_after_s,
    )


def read_keys(listed: list[Any]) -> tuple[SigningKey, ...]:
    """Give the keys that can verify here; others are passed over.

    A project may publish keys for other uses and of kinds still to come, so a key that is
    not for us is no fault. Symmetric ones never are for us, whoever lists them.
    """
    keys = (_read_key(jwk) for jwk in listed[:MAX_KEYS] if isinstance(jwk, dict))
    return tuple(key for key in keys if key is not None)


def _read_key(jwk: Mapping[str, Any]) -> SigningKey | None:
    kind = jwk.get("kty")
    curve = None if kind == "RSA" else jwk.get("crv")
    algorithm = ALGORITHMS.get((kind, curve)) if _are_texts(kind, curve) else None
    kid = jwk.get("kid")
    if (
        algorithm is None
        or jwk.get("alg", algorithm) != algorithm
        or jwk.get("use", "sig") != "sig"
        or not (kid is None or isinstance(kid, str))
    ):
        return None
    public = {name: jwk[name] for name in PUBLIC_MEMBERS if isinstance(jwk.get(name), str)}
    try:
        key = PyJWK(public, algorithm=algorithm).key
    except (PyJWTError, ValueError):
        return None
    if algorithm == "RS256" and key.key_size < MIN_RSA_BITS:
        return None
    return SigningKey(kid, algorithm, key)


def _are_texts(*values: object) -> bool:
    """Tell whether these may be looked up: an unhashable one would raise."""
    return all(value is None or isinstance(value, str) for value in values)
