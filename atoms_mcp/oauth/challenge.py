"""The WWW-Authenticate values: where to sign in, and what was wrong.

One header, `Bearer` first, every value quoted: clients read the first word and then search
for each field. An error is named only where a token came, since some clients take a challenge
with an error for a failed login and never start one.

Source: RFC 6750 section 3, RFC 9728 section 5.1, MCP 2026-07-28 authorization.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atoms_mcp.oauth.errors import quotable


@dataclass(frozen=True, slots=True)
class Challenger:
    """Makes the challenges of one resource.

    `metadata_url` is where its RFC 9728 document is. `scopes` are all there are; `implied`
    gives for a scope the ones to ask for with it, in one go.
    """

    metadata_url: str
    scopes: Sequence[str]
    implied: Mapping[str, Sequence[str]]

    def for_nobody(self, reason: str | None) -> str:
        """Challenge a request without a valid token; `reason` is None where none came."""
        fields = {"resource_metadata": self.metadata_url, "scope": " ".join(self.scopes)}
        if reason is not None:
            fields |= {
                "error": "invalid_token",
                "error_description": f"The access token was refused: {reason}",
            }
        return _render(fields)

    def for_more(self, needed: str) -> str:
        """Challenge a caller who was granted too little for what was asked."""
        return _render(
            {
                "error": "insufficient_scope",
                "scope": " ".join(self.implied.get(needed, (needed,))),
                "resource_metadata": self.metadata_url,
                "error_description": f"This needs the scope {needed}",
            }
        )


def _render(fields: Mapping[str, str]) -> str:
    return "Bearer " + ", ".join(f'{name}="{quotable(text)}"' for name, text in fields.items())
