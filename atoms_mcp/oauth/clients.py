"""A client: the program that asks for access on behalf of a user.

Source: RFC 6749 section 2, RFC 7591 section 2.
"""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

AuthMethod = Literal["none", "client_secret_post", "client_secret_basic"]
Origin = Literal["registered", "document", "configured"]

AUTH_METHODS: tuple[AuthMethod, ...] = ("none", "client_secret_post", "client_secret_basic")
MAX_NAME_BYTES = 1024
DOCUMENT_PREFIX = "https://"
NAMELESS = "A client without a name"


@dataclass(frozen=True, slots=True)
class Client:
    """What is known of a client.

    `origin` says who vouches for that: `registered` is the client's own word, `document` was
    fetched from where `client_id` points, `configured` is the operator's. `name` is cleaned
    for display and never empty. `secret_digest` is the SHA-256 of its secret (hexadecimal);
    None means that it has none. `scope` is what it asks for unless it says otherwise.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    origin: Origin
    secret_digest: str | None = field(default=None, repr=False)
    scope: str | None = None

    @property
    def host(self) -> str | None:
        """The host that vouches for a client named by its document; None for all others."""
        return urlsplit(self.client_id).hostname if self.origin == "document" else None

    @property
    def is_verified(self) -> bool:
        """Whether anybody but the client itself vouches for its name."""
        return self.origin != "registered"


def clean_name(name: str) -> str:
    """Give a name fit for a page: on one line, and nothing in it that turns or hides text.

    It may come out empty.
    """
    kept = "".join(" " if c.isspace() else c for c in name)
    kept = "".join(c for c in kept if not unicodedata.category(c).startswith("C"))
    return " ".join(kept.split())


def digest_secret(secret: str) -> str:
    """Give what is kept of a client's secret: it is long and random, so one hash is enough."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
