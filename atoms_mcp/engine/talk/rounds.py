"""Questions to clients of the stateless revisions, in several rounds of the same request.

A question is an answer to the request: it ends with what is to be asked, and the client sends it
again with the answers and a state. That state is all that is known of earlier rounds. It is
sealed, and good for the same user, method, name and arguments alone, for a short while; where
answers allow a change, once.

Source: MCP 2026-07-28 basic/patterns/mrtr.
"""

import hashlib
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from atoms_mcp.engine.deadline import Watched
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.talk.answers import BadAnswer, check_answer
from atoms_mcp.engine.talk.dialogue import Answers
from atoms_mcp.engine.talk.inputs import InputRequest, InputRequired
from atoms_mcp.engine.talk.speech import Means, Speech
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.seal import Seal, SealBroken
from atoms_mcp.protocol.capabilities import missing_capabilities
from atoms_mcp.protocol.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, Call, RpcError
from atoms_mcp.protocol.levels import Level
from atoms_mcp.protocol.revisions.revision import Revision
from atoms_mcp.store.store import Store, StoreDown

PURPOSE: Final = "request-state"
LIFETIME_S: Final = 600
# What of the parameters makes it the same request again.
SALIENT: Final = ("name", "uri", "arguments")


@dataclass(slots=True)
class Round:
    """What one sending of a request brought along; `nonce` is empty without a state of ours.

    `counted` are the answers that a handler has asked for, of those that came.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    counted: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    expires_at: int = 0
    is_used: bool = False


class Rounds:
    """Seals and opens the states."""

    def __init__(self, seal: Seal, store: Store) -> None:
        self._seal = seal
        self._store = store

    def open(self, call: Call, user_id: str) -> Round:
        """Give what a request brought along.

        Raises:
            RpcError: -32602; its state was not made for it, or is over.
        """
        given, responses = call.params.get("requestState"), call.params.get("inputResponses")
        if responses is not None and type(responses) is not dict:
            raise RpcError(INVALID_PARAMS, "inputResponses must be an object")
        if given is None:  # a client may know what will be asked, and answer at once
            return Round(dict(responses or {}))
        state = self._open_state(given)
        if state is None or state["sub"] != user_id or state["req"] != _digest(call):
            raise RpcError(INVALID_PARAMS, "requestState was not made for this request")
        if state["exp"] <= time.time():
            raise RpcError(INVALID_PARAMS, "requestState has expired; send the request without it")
        answers = dict(state["known"])
        responses = responses or {}
        answers.update((key, responses[key]) for key in state["asked"] if key in responses)
        return Round(answers, nonce=state["jti"], expires_at=state["exp"])

    def _open_state(self, given: object) -> dict[str, Any] | None:
        try:
            return self._seal.open(PURPOSE, given) if isinstance(given, str) else None
        except SealBroken:
            return None

    def require(
        self, requests: Mapping[str, InputRequest], call: Call, user_id: str, known: Answers
    ) -> InputRequired:
        """Give the error that asks these questions, with all that is known in its state."""
        claims = {
            "sub": user_id,
            "req": _digest(call),
            "asked": list(requests),
            "known": dict(known),
            "jti": secrets.token_urlsafe(16),
            "exp": int(time.time()) + LIFETIME_S,
        }
        try:
            return InputRequired(requests, self._seal.seal(PURPOSE, claims))
        except ValueError:
            raise ToolError(
                "limit_exceeded", "The answers so far are too long.", fix="Answer more briefly."
            ) from None

    async def use(self, here: Round) -> None:
        """Let the answers of a round count, once.

        Raises:
            RpcError: they did already, or nobody can tell.
        """
        if here.is_used:
            return
        try:
            here.is_used = await self._store.take_once(f"asked:{here.nonce}", here.expires_at)
        except StoreDown:
            raise RpcError(
                INTERNAL_ERROR, "whether this was answered before cannot be told now; try again"
            ) from None
        if not here.is_used:
            raise RpcError(INVALID_PARAMS, "these answers have been used; send the request anew")


class RoundsSpeech(Speech):
    """With a client that is asked by sending its request again, in the first round."""

    __slots__ = ()

    @property
    def here(self) -> Round:
        """What this sending of the request brought along."""
        return Round()

    @property
    def capabilities(self) -> Collection[str]:
        """What this request says that its client can do."""
        return self.revision.read_declared(self.call)

    async def find_level(self) -> Level | None:
        """Give the level that this request names."""
        return self.revision.read_wanted_level(self.call)

    async def ask(self, requests: Mapping[str, InputRequest], *, authorises: bool) -> Answers:
        """Give the answers, or end the request with the questions that have none yet."""
        here = self.here
        # What nobody asked for was maybe said by nobody: it allows no change.
        given = here.answers if here.nonce or not authorises else {}
        here.counted.update((key, given[key]) for key in requests if key in given)
        missing = {key: one for key, one in requests.items() if key not in given}
        if missing:
            declared = self.revision.read_declared(self.call)
            lacking = [one.capability for one in missing.values()]
            if any(capability not in declared for capability in lacking):
                raise missing_capabilities(dict.fromkeys(lacking))
            user_id = self.caller.user_id
            raise self.means.rounds.require(missing, self.call, user_id, here.counted)
        answers = {key: _check(key, one, given[key]) for key, one in requests.items()}
        if authorises:
            await self.means.rounds.use(here)
        return answers


class RetrySpeech(RoundsSpeech):
    """The same in a later round: what it brought along is looked at before anything is done."""

    __slots__ = ("_here",)

    def __init__(
        self,
        call: Call,
        revision: Revision,
        frame: Frame,
        watched: Watched,
        caller: Caller,
        means: Means,
    ) -> None:
        """Open what was brought along.

        Raises:
            RpcError: it is not for this request.
        """
        super().__init__(call, revision, frame, watched, caller, means)
        self._here = means.rounds.open(call, caller.user_id)

    @property
    def here(self) -> Round:
        """What this sending of the request brought along."""
        return self._here


def _check(key: str, request: InputRequest, answer: object) -> Mapping[str, Any]:
    try:
        return check_answer(request, answer)
    except BadAnswer as fault:
        raise RpcError(INVALID_PARAMS, f"inputResponses.{key} {fault}") from None


def _digest(call: Call) -> str:
    """Give what tells one request from another, whatever else it carries."""
    salient = {name: call.params.get(name) for name in SALIENT}
    body = orjson.dumps([call.method, salient], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()
