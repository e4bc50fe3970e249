"""Asking like a client: one request at a time, nothing followed, nothing kept.

Source: RFC 9110; the CORS protocol of the Fetch standard.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict, CIMultiDictProxy

from atoms_mcp.errors import AtomsError

TOTAL_S = 10
MAX_BODY_BYTES = 1024 * 1024
# Some page that is not the server's own.
STRANGER = "https://client.example"


class Unreachable(AtomsError):  # noqa: N818 - says what is the case
    """Nobody answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `at` is when, in Unix seconds by the clock here."""

    url: str
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)
    at: float

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def parse(self) -> dict[str, Any] | None:
        """Give the body as a JSON object; None for anything else."""
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return parsed if isinstance(parsed, dict) else None


def open_session() -> aiohttp.ClientSession:
    """Give a client that keeps no cookie and does not wait for ever."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TOTAL_S), cookie_jar=aiohttp.DummyCookieJar()
    )


class Visitor:
    """Sends requests through `session`, which `open_session` makes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and give whatever comes.

        Raises:
            Unreachable: nothing came.
        """
        sent = CIMultiDict(headers or {})
        data: bytes | Mapping[str, str] | None = form
        if json is not None:
            data = orjson.dumps(json)
            sent["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method, url, headers=sent, data=data, allow_redirects=False
            ) as response:
                body = await response.content.read(MAX_BODY_BYTES)
                return Answer(url, response.status, response.headers, body, time.time())
        except TimeoutError:
            raise Unreachable(f"{url} did not answer within {TOTAL_S} seconds") from None
        except (aiohttp.ClientError, ValueError) as exc:
            raise Unreachable(f"{url} cannot be reached: {exc or type(exc).__name__}") from None

    async def may_read(self, method: str, url: str, *names: str) -> bool:
        """Tell whether a page of another origin may ask this URL, with these headers."""
        answer = await self.ask(
            "OPTIONS",
            url,
            headers={
                "Origin": STRANGER,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": ", ".join(names).lower(),
            },
        )
        allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
        given = {name.strip() for name in allowed.split(",")}
        return (
            answer.status < 300  # noqa: PLR2004 - success
            and answer.headers.get("Access-Control-Allow-Origin") in {"*", STRANGER}
            and ("*" in given or {name.lower() for name in names} <= given)
        )
