"""The gateway's keys: ES256 pairs that sign access tokens, and the publishable key of the project.

Both are made at the first start and live in the state folder. The newest pair signs, all
are published; `rotate` adds one, and a running gateway notices.

Source: RFC 7517; RFC 7518 section 3.4.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from atoms_mcp.local.errors import StackError
from atoms_mcp.local.files import write_private

SIGNING_FILE = "signing_keys.json"
ANON_FILE = "publishable_key"
ALGORITHM = "ES256"
PUBLISHED_LIMIT = 4  # tokens live an hour; nobody rotates four times in it by accident
ANON_PREFIX = "sb_publishable_"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One pair: `private` signs, `public` checks, `shown` is how it is published."""

    kid: str
    shown: Mapping[str, Any]
    public: ec.EllipticCurvePublicKey = field(repr=False)
    private: ec.EllipticCurvePrivateKey = field(repr=False)


class KeyRing:
    """The pairs of one state folder, newest first; read again whenever the file changes."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / SIGNING_FILE
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[SigningKey, ...] = ()

    def keys(self) -> tuple[SigningKey, ...]:
        """Give all pairs, newest first; the first start makes one.

        Raises:
            StackError: the file is not what this module wrote.
        """
        try:
            found = self._path.stat()
        except FileNotFoundError:
            _save(self._path, [_make()])
            found = self._path.stat()
        stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
        if stamp != self._stamp:
            self._keys = tuple(_read(key) for key in _load(self._path))
            self._stamp = stamp
        return self._keys

    def signer(self) -> SigningKey:
        """Give the pair that signs now."""
        return self.keys()[0]

    def find(self, kid: object) -> SigningKey | None:
        """Give the pair that a token's header names, or None."""
        return next((key for key in self.keys() if key.kid == kid), None)

    def jwks(self) -> dict[str, Any]:
        """Give what is published: public halves only."""
        return {"keys": [key.shown for key in self.keys()]}


def rotate(state_dir: Path) -> str:
    """Make a new pair that signs from now on, and give its key id.

    Older ones stay published, so that tokens in use stay good; the oldest beyond
    `PUBLISHED_LIMIT` is dropped.

    Raises:
        StackError: the key file cannot be read as one.
    """
    path = state_dir / SIGNING_FILE
    fresh = _make()
    kept = _load(path) if path.exists() else []
    _save(path, [fresh, *kept][:PUBLISHED_LIMIT])
    return str(fresh["kid"])


def load_anon_key(state_dir: Path) -> str:
    """Give the project's publishable key; the first call makes it."""
    path = state_dir / ANON_FILE
    if not path.exists():
        write_private(path, f"{ANON_PREFIX}{secrets.token_urlsafe(24)}\n")
    key = path.read_text(encoding="utf-8").strip()
    if not key.startswith(ANON_PREFIX):
        raise StackError(f"{path} does not hold a publishable key; remove it to have one made")
    return key


def _make() -> dict[str, Any]:
    pair = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    return {"kid": str(uuid.uuid4()), "alg": ALGORITHM, **pair}


def _read(stored: dict[str, Any]) -> SigningKey:
    private = ECAlgorithm.from_jwk(stored)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise jwt.InvalidKeyError("no private half")
    public = private.public_key()
    shown = {
        **ECAlgorithm.to_jwk(public, as_dict=True),
        "kid": stored["kid"],
        "alg": ALGORITHM,
        "use": "sig",
        "key_ops": ["verify"],
        "ext": True,
    }
    return SigningKey(stored["kid"], shown, public, private)


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        keys: list[dict[str, Any]] = orjson.loads(path.read_bytes())["keys"]
        for key in keys:
            _read(key)
    except (ValueError, KeyError, TypeError, jwt.InvalidKeyError) as exc:
        raise StackError(
            f"{path} does not hold signing keys ({exc}); remove it to have one made "
            "(everybody has to sign in again)"
        ) from exc
    if not keys:
        raise StackError(f"{path} holds no key; remove it to have one made")
    return keys


def _save(path: Path, keys: list[dict[str, Any]]) -> None:
    write_private(path, orjson.dumps({"keys": keys}).decode() + "\n")
