"""Sealed claims: text that only this server can make and only this server can read.

A sealed text carries what would otherwise need a table (sessions, later codes and tokens),
so that a restart or another replica knows it as well. It says nothing of expiry: put an
`exp` among the claims and check it.

Source: RFC 7516 (JWE, compact, `dir` with A256GCM), RFC 5869 (HKDF).
"""

from collections.abc import Sequence
from typing import Any

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwcrypto.common import (  # type: ignore[import-untyped] # it ships no types
    JWException,
    base64url_decode,
    base64url_encode,
)
from jwcrypto.jwe import JWE  # type: ignore[import-untyped] # it ships no types
from jwcrypto.jwk import JWK  # type: ignore[import-untyped] # it ships no types

from atoms_mcp.errors import AtomsError

MIN_KEY_BYTES = 32
MAX_SEALED_BYTES = 16 * 1024
PARTS_OF_A_JWE = 5
ALGORITHMS = ["dir", "A256GCM"]


class SealBroken(AtomsError):  # noqa: N818 - says what is the case
    """Not sealed by us, or for another purpose, or not whole."""


class Seal:
    """Seals and opens with keys derived per purpose.

    `keys` are secrets of at least 32 bytes, newest first: the first seals, all open.
    The purpose is in the protected header and in the derived key, so that what was made
    for one purpose can never pass for another.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("a seal needs at least one key")
        if any(len(key) < MIN_KEY_BYTES for key in keys):
            raise ValueError(f"a key of a seal has at least {MIN_KEY_BYTES} bytes")
        self._keys = tuple(keys)
        self._derived: dict[str, tuple[JWK, ...]] = {}

    def seal(self, purpose: str, claims: dict[str, Any]) -> str:
        """Give the claims as one URL-safe text.

        Raises:
            ValueError: the claims are too large to be opened again.
        """
        header = orjson.dumps({"alg": "dir", "enc": "A256GCM", "purpose": purpose}).decode()
        sealed = JWE(orjson.dumps(claims), protected=header, algs=ALGORITHMS)
        sealed.add_recipient(self._keys_for(purpose)[0])
        text: str = sealed.serialize(compact=True)
        if len(text) > MAX_SEALED_BYTES:
            raise ValueError(f"sealed claims would exceed {MAX_SEALED_BYTES} bytes")
        return text

    def open(self, purpose: str, sealed: str) -> dict[str, Any]:
        """Give the claims back.

        Raises:
            SealBroken: whatever is wrong with `sealed`; no more is said on purpose.
        """
        _check_shape(purpose, sealed)
        for key in self._keys_for(purpose):
            try:
                opened = JWE(algs=ALGORITHMS)
                opened.deserialize(sealed, key)
            except (JWException, ValueError, TypeError):
                continue
            claims = orjson.loads(opened.payload)
            if isinstance(claims, dict):
                return claims
        raise SealBroken("not sealed by this server")

    def derive(self, purpose: str) -> bytes:
        """Give a key of 32 bytes for another use (a signature), from the newest key."""
        return _stretch(self._keys[0], "derive", purpose)

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """Give such a key from each key, newest first: what an older one made can be read."""
        return tuple(_stretch(key, "derive", purpose) for key in self._keys)

    def _keys_for(self, purpose: str) -> tuple[JWK, ...]:
        keys = self._derived.get(purpose)
        if keys is None:
            keys = tuple(
                JWK(kty="oct", k=base64url_encode(_stretch(key, "seal", purpose)))
                for key in self._keys
            )
            self._derived[purpose] = keys
        return keys


def _check_shape(purpose: str, sealed: str) -> None:
    """Refuse what we cannot have made, before any library looks at it.

    Only the very header that `seal` writes is read on: no `zip` (a bomb needs no key to
    be opened far enough), no other algorithm, no other purpose.
    """
    if len(sealed) > MAX_SEALED_BYTES or not sealed.isascii():
        raise SealBroken("too long or not ASCII")
    head, *rest = sealed.split(".")
    if len(rest) != PARTS_OF_A_JWE - 1:
        raise SealBroken("not five parts")
    try:
        decoded = [base64url_decode(part) for part in (head, *rest)]
        header = orjson.loads(decoded[0])
    except ValueError:
        raise SealBroken("its header cannot be read") from None
    # The bits that fill up a last character mean nothing: else one text had several spellings.
    if ".".join(base64url_encode(part) for part in decoded) != sealed:
        raise SealBroken("not as it was written")
    if header != {"alg": "dir", "enc": "A256GCM", "purpose": purpose}:
        raise SealBroken("made for something else")


def _stretch(key: bytes, use: str, purpose: str) -> bytes:
    info = f"atoms-mcp {use} {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)
