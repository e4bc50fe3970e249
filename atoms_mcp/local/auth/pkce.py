"""Proof Key for Code Exchange, as Auth takes it: S256 and plain.

Source: RFC 7636 sections 4.1-4.6.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atoms_mcp.local.auth.body import get_text
from atoms_mcp.local.auth.errors import AuthError

CHALLENGE = re.compile(r"[A-Za-z0-9._~-]+")
LEAST_CHARS, MOST_CHARS = 43, 128
METHODS = frozenset({"s256", "plain"})


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a verifier is held against; `method` is "s256" or "plain"."""

    value: str
    method: str

    def is_met_by(self, verifier: str) -> bool:
        """Tell whether `verifier` is the secret behind it; compares in constant time."""
        given = verifier.encode("utf-8", "surrogatepass")
        if self.method == "s256":
            given = base64.urlsafe_b64encode(hashlib.sha256(given).digest()).rstrip(b"=")
        return hmac.compare_digest(given, self.value.encode())


def read_challenge(body: Mapping[str, Any]) -> Challenge | None:
    """Give the challenge in `body`, None where there is none.

    Raises:
        AuthError: validation_failed (400): half of one, or a malformed one.
    """
    value = get_text(body, "code_challenge")
    method = get_text(body, "code_challenge_method").lower()
    if not value and not method:
        return None
    if not value or not method:
        raise _refused("PKCE flow requires code_challenge_method and code_challenge")
    if not LEAST_CHARS <= len(value) <= MOST_CHARS:
        raise _refused(
            f"code challenge has to be between {LEAST_CHARS} and {MOST_CHARS} characters"
        )
    if not CHALLENGE.fullmatch(value):
        raise _refused(
            "code challenge can only contain alphanumeric characters, hyphens, periods, "
            "underscores and tildes"
        )
    if method not in METHODS:
        raise _refused("code challenge method must be s256 or plain")
    return Challenge(value, method)


def _refused(message: str) -> AuthError:
    return AuthError(400, "validation_failed", message)
