"""The secret that shows, when a browser comes back from Supabase, that it was sent from here.

Source: RFC 7636 sections 4.1 and 4.2.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field

VERIFIER_BYTES = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """A verifier, kept by us, and its S256 challenge, told beforehand."""

    verifier: str = field(repr=False)
    challenge: str


def make_proof() -> Proof:
    """Make one that nobody has seen."""
    verifier = secrets.token_urlsafe(VERIFIER_BYTES)
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return Proof(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))
