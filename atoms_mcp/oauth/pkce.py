"""Proof that who redeems a code is who asked for it.

Source: RFC 7636; S256 only, as RFC 9700 section 2.1.1 and MCP ask.
"""

import base64
import hashlib
import hmac
import re

METHOD = "S256"
# Sections 4.1 and 4.2: verifier and challenge are written alike.
GRAMMAR = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def is_well_formed(text: str) -> bool:
    """Tell whether `text` could be a verifier or a challenge."""
    return GRAMMAR.fullmatch(text) is not None


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Tell whether `verifier` is the secret behind an S256 `challenge`, in constant time.

    A verifier outside the grammar is a plain no, never an exception.

    Source: RFC 7636 section 4.6.
    """
    if not is_well_formed(verifier) or not is_well_formed(challenge):
        return False
    return hmac.compare_digest(make_challenge(verifier), challenge)


def make_challenge(verifier: str) -> str:
    """Give the S256 challenge of a verifier, which is ASCII.

    Source: RFC 7636 section 4.2.
    """
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
