"""The secret that shows, when a browser comes back from Supabase, that it was sent from here.

Source: RFC 7636 sections 4.1 and 4.2.
"""

import secrets
from dataclasses import dataclass, field

from atoms_mcp.oauth.pkce import make_challenge

VERIFIER_BYTES = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """A verifier, kept by us, and its S256 challenge, told beforehand."""

    verifier: str = field(repr=False)
    challenge: str


def make_proof() -> Proof:
    """Make one that nobody has seen."""
    verifier = secrets.token_urlsafe(VERIFIER_BYTES)
    return Proof(verifier, make_challenge(verifier))
