"""HTTP to one Supabase project: two pools, deadlines, tries, and failures told apart.

It knows nothing of what is asked; `auth` and `rest` do. Redirects are never followed, so
that neither key nor token can be led astray, and no cookie is kept between users.

Source: the Supabase gateway's headers and error shapes; RFC 9110 sections 9.2.2 and 10.2.3.
"""

import asyncio
import contextvars
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
import orjson
import stamina
from yarl import URL

from atoms_mcp import __version__
from atoms_mcp.settings import ServerSettings
from atoms_mcp.supabase.errors import Kind, SupabaseError

Pool = Literal["auth", "data"]

POOL_LIMIT = 100
DNS_CACHE_S = 300
READ_TRIES = 3
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_RETRY_AFTER_S = 300
# What a gateway says of an API key that it does not know.
KEY_STATUSES = frozenset({401, 403})
# Stands in the history of what was changed through this server.
CLIENT_INFO = "X-Client-Info"
CLIENT = f"atoms-mcp/{__version__}"
JSON_HEADERS = {"Content-Type": "application/json"}

# Seconds spent upstream on behalf of the request at hand: a list of one number, shared with
# the tasks that the request starts. None where nobody asks for it.
UPSTREAM_S: contextvars.ContextVar[list[float] | None] = contextvars.ContextVar(
    "upstream_s", default=None
)


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer below 300; whatever else comes is raised."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def parse(self) -> Any:  # noqa: ANN401 - JSON can be anything
        """Give the body as JSON.

        Raises:
            SupabaseError: (wrong) it is empty, HTML, or anything else but JSON.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise SupabaseError("wrong", "the answer is not JSON", status=self.status) from None


class Wire:
    """The way to the project, with its API key.

    The pools open at first use, since they belong to a running loop. Sign-in has a pool of
    its own, so that a flood of slow queries cannot keep anybody from logging in.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.url = settings.supabase_url
        self._api_key = settings.supabase_anon_key.get_secret_value()
        self._connect_s = settings.upstream_connect_s
        self._total_s = settings.upstream_total_s
        self._sessions: dict[Pool, aiohttp.ClientSession] = {}
        self._is_closed = False
        self._retrying = stamina.AsyncRetryingCaller(
            attempts=READ_TRIES,
            timeout=self._total_s,
            wait_initial=0.05,
            wait_max=1.0,
            wait_jitter=0.5,
        ).on(_is_worth_another_try)

    async def close(self) -> None:
        """Close all connections for good; what is still under way ends as ``down``."""
        self._is_closed = True
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def get(
        self, pool: Pool, target: str, headers: Mapping[str, str] | None = None
    ) -> WireAnswer:
        """Read, with up to three tries within one deadline.

        `target` is path and query, percent-encoded already.

        Raises:
            SupabaseError: of any kind.
        """

        async def once() -> WireAnswer:
            return await self._once(pool, "GET", target, headers, None)

        # A closure, not arguments: what is retried gets logged with its arguments.
        return await self._within_deadline(self._retrying(once))

    async def send(
        self,
        pool: Pool,
        method: str,
        target: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> WireAnswer:
        """Write, with one try: nobody can tell whether a lost write was carried out.

        Raises:
            SupabaseError: of any kind.
        """
        raw = None if body is None else orjson.dumps(body)
        return await self._within_deadline(self._once(pool, method, target, headers, raw))

    async def _within_deadline(self, answer: Any) -> WireAnswer:  # noqa: ANN401 - an awaitable
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._total_s):
                got: WireAnswer = await answer
                return got
        except TimeoutError:
            raise SupabaseError("slow", "no answer in time") from None
        finally:
            spent = UPSTREAM_S.get()
            if spent is not None:
                spent[0] += time.perf_counter() - started

    async def _once(
        self,
        pool: Pool,
        method: str,
        target: str,
        headers: Mapping[str, str] | None,
        raw: bytes | None,
    ) -> WireAnswer:
        sent = {"apikey": self._api_key, CLIENT_INFO: CLIENT, **(headers or {})}
        if raw is not None:
            sent.update(JSON_HEADERS)
        try:
            async with self._session(pool).request(
                method,
                # A text is parsed and requoted; the target was encoded exactly once already.
                URL(self.url + target, encoded=True),
                headers=sent,
                data=raw,
                allow_redirects=False,
            ) as response:
                answer = WireAnswer(response.status, response.headers, await _read(response))
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectionError) as exc:
            raise SupabaseError("down", f"nobody answered ({type(exc).__name__})") from exc
        except aiohttp.ClientError as exc:
            raise SupabaseError("wrong", f"not a whole answer ({type(exc).__name__})") from exc
        if answer.status >= 300:  # noqa: PLR2004 - beyond success
            raise read_error(answer)
        return answer

    def _session(self, pool: Pool) -> aiohttp.ClientSession:
        session = self._sessions.get(pool)
        if session is None:
            if self._is_closed:
                raise SupabaseError("down", "this server is stopping")
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=POOL_LIMIT, ttl_dns_cache=DNS_CACHE_S),
                # One user's cookie must never ride on another user's request.
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s),
            )
            # aiohttp repeats a read by itself where a kept connection turns out to be
            # closed, which would make our three tries four.
            session._retry_connection = False  # noqa: SLF001 - there is no public switch
            self._sessions[pool] = session
        return session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read the body, refusing an endless one."""
    chunks = []
    size_bytes = 0
    async for chunk in response.content.iter_any():
        size_bytes += len(chunk)
        if size_bytes > MAX_ANSWER_BYTES:
            raise SupabaseError("wrong", "the answer is too large", status=response.status)
        chunks.append(chunk)
    return b"".join(chunks)


def read_error(answer: WireAnswer) -> SupabaseError:
    """Read any of the error bodies: Auth's three shapes, PostgREST's, the gateway's, HTML.

    A code is text wherever it is one of Auth's or PostgREST's; Auth's older shape has the
    status in `code` and the code in `error_code`.
    """
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        body = {}
    code = _first_text(body, "code", "error_code", "error")
    # Auth and PostgREST name a cause, the oldest Auth by its status alone. A gateway names none
    # where it refuses the API key of the project, which is nothing that a user could mend.
    is_contract = bool(body)
    if answer.status in KEY_STATUSES:
        is_contract = code is not None or isinstance(body.get("code"), int)
    return SupabaseError(
        _kind(answer.status, is_contract=is_contract),
        _first_text(body, "msg", "message", "error_description", "error") or "no reason given",
        status=answer.status,
        code=code,
        details=_first_text(body, "details"),
        hint=_first_text(body, "hint"),
        retry_after_s=_retry_after_s(answer.headers.get("Retry-After")),
        reasons=_reasons(body.get("weak_password")),
    )


def _kind(status: int, *, is_contract: bool) -> Kind:
    by_status: dict[int, Kind] = {429: "busy", 503: "down", 504: "slow"}
    if status in by_status:
        return by_status[status]
    # 300 is PostgREST's answer to an ambiguous embedding; any other redirect is not for us.
    is_refusal = 400 <= status < 500 or status == 300  # noqa: PLR2004 - status classes
    return "refused" if is_refusal and is_contract else "wrong"


def _first_text(body: Mapping[str, Any], *names: str) -> str | None:
    return next((body[name] for name in names if isinstance(body.get(name), str)), None)


def _reasons(weak_password: object) -> tuple[str, ...]:
    """Read why Auth calls a password weak: "length", "characters", "pwned"."""
    reasons = weak_password.get("reasons") if isinstance(weak_password, dict) else None
    if not isinstance(reasons, list):
        return ()
    return tuple(reason for reason in reasons if isinstance(reason, str))


def _retry_after_s(value: str | None) -> int | None:
    """Read the header's form in seconds; a date or nonsense counts as absent."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return min(int(value[:6]), MAX_RETRY_AFTER_S)


def _is_worth_another_try(exc: Exception) -> bool:
    """Tell whether the same read may do better in a moment.

    A 5xx with a code of its own (a statement timeout, say) would only repeat itself.
    """
    if not isinstance(exc, SupabaseError):
        return False
    if exc.kind == "wrong":
        return exc.status is not None and exc.status >= 500 and exc.code is None  # noqa: PLR2004
    return exc.kind in {"down", "slow", "busy"}
