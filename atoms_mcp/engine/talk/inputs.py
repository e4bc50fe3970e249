"""What a handler can ask the client for while it works, and what comes back.

Source: MCP 2026-07-28 client/elicitation, client/sampling, client/roots, basic/patterns/mrtr.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from atoms_mcp.errors import AtomsError
from atoms_mcp.protocol.sampling import check_messages


@dataclass(frozen=True, slots=True)
class InputRequest:
    """One question, in its newest form; `capability` is what a client must have declared for it."""

    method: str
    params: Mapping[str, Any]
    capability: str

    @classmethod
    def form(cls, message: str, schema: Mapping[str, Any]) -> "InputRequest":
        """Ask the user to fill in a form; `schema` is a flat object of primitives.

        Never for secrets: the client, and maybe its model, sees the answer.
        """
        params = {"mode": "form", "message": message, "requestedSchema": schema}
        return cls("elicitation/create", params, "elicitation")

    @classmethod
    def link(cls, message: str, url: str) -> "InputRequest":
        """Ask the user to open a page and to do there what no client may see.

        Whoever opens it must prove there to be the caller: the URL by itself proves nothing.

        Raises:
            ValueError: it is no address of a page, or names a user or a password.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError("a page has an address that begins with https:// and names a host")
        if "@" in parts.netloc:
            raise ValueError("the address of a page names neither a user nor a password")
        params = {"mode": "url", "message": message, "url": url}
        return cls("elicitation/create", params, "elicitation.url")

    @classmethod
    def sample(
        cls, messages: Sequence[Mapping[str, Any]], max_tokens: int, **more: object
    ) -> "InputRequest":
        """Ask the client's model; `more` are further parameters of sampling/createMessage.

        Raises:
            ValueError: a use of a tool without its result, or other conversations of clients,
                which are deprecated, are asked for.
        """
        check_messages(messages)
        if more.get("includeContext", "none") != "none":
            raise ValueError("includeContext is deprecated: leave it out")
        params = {"messages": list(messages), "maxTokens": max_tokens, **more}
        needed = "sampling.tools" if "tools" in more else "sampling"
        return cls("sampling/createMessage", params, needed)

    def carries(self, secret: str) -> bool:
        """Tell whether a page's address has a secret in it, which then lies about in histories."""
        return secret in self.params.get("url", "")

    @classmethod
    def roots(cls) -> "InputRequest":
        """Ask for the folders that the client works in."""
        return cls("roots/list", {}, "roots")


@dataclass(frozen=True, slots=True)
class ElicitAnswer:
    """What a user made of a form or a page; `content` is empty unless it was accepted."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_accepted(self) -> bool:
        """Whether the user went along with it."""
        return self.action == "accept"


class InputRequired(AtomsError):  # noqa: N818 - says what is the case
    """The request cannot go on before its client has answered these questions.

    `state` is what a retry has to bring back, sealed.
    """

    def __init__(self, requests: Mapping[str, InputRequest], state: str) -> None:
        super().__init__(f"input is required: {', '.join(requests)}")
        self.requests = requests
        self.state = state
