"""Texts of any length that only this server can read, for a store that others may look into.

A seal makes short texts that travel; these stay, and may be long. Each is bound to a name, so
that none can be put in the place of another.

Source: NIST SP 800-38D (AES-GCM).
"""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atoms_mcp.identity.seal import SealBroken

NONCE_BYTES: Final = 12


class Box:
    """Locks with the first of its keys (32 bytes each), opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def lock(self, name: str, data: bytes) -> str:
        """Give the data as text that only `open` with the same name can read."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return b64encode(nonce + self._ciphers[0].encrypt(nonce, data, name.encode())).decode()

    def open(self, name: str, locked: str) -> bytes:
        """Give the data back.

        Raises:
            SealBroken: it was not locked by us under this name, or is not whole.
        """
        try:
            raw = b64decode(locked, validate=True)
        except ValueError:
            raise SealBroken("not Base64") from None
        nonce, data = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, data, name.encode())
            except (InvalidTag, ValueError):
                continue
        raise SealBroken("not locked by this server")
