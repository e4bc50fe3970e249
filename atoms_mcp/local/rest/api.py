"""The REST half of the gateway over HTTP: PostgREST's contract, as the caller's role.

Reads the request, has a `Job` prepared, runs it in one transaction, answers. Tokens are
checked before; `claims` are believed here.

Left out on purpose: CSV and form bodies, aggregates, the OpenAPI root, response headers
set from SQL, transactions ended by preference.

Source: PostgREST 16 reference.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import asyncpg
import orjson
from aiohttp import hdrs, web

from atoms_mcp.local.rest.answer import Answer, check_outcome, render_answer
from atoms_mcp.local.rest.cache import CatalogueCache
from atoms_mcp.local.rest.call import missing_function
from atoms_mcp.local.rest.catalogue import Catalogue, Relation
from atoms_mcp.local.rest.database import ANON, Database, Frame
from atoms_mcp.local.rest.errors import RestError, error_response
from atoms_mcp.local.rest.headers import check_profile, parse_accept, parse_preferences
from atoms_mcp.local.rest.job import Asked, Job, prepare_call, prepare_job
from atoms_mcp.local.rest.query import parse_query

MAX_ROWS = 1000
READS = frozenset({"GET", "HEAD"})
# What a schema that changed since it was read looks like.
STALE = frozenset({"PGRST200", "PGRST202", "PGRST204", "PGRST205", "42703"})

Prepare = Callable[[Catalogue, Asked, int], Job]


class RestApi:
    """PostgREST's part of the gateway, on a pool of connections as `authenticator`.

    `start` and `stop` are for hearing of schema changes; without them the schema is read
    again when a name is not found.
    """

    def __init__(self, pool: asyncpg.Pool, *, max_rows: int = MAX_ROWS) -> None:
        self._database = Database(pool)
        self._cache = CatalogueCache(self._database)
        self._max_rows = max_rows

    async def start(self) -> None:
        """Read the schema and listen for its changes."""
        self._cache.start()

    async def stop(self) -> None:
        """Give the listener's connection back."""
        await self._cache.stop()

    async def reload(self) -> None:
        """Read the schema again.

        Raises:
            RestError: 503, there is no database.
        """
        await self._cache.reload()

    async def handle(self, request: web.Request, claims: Mapping[str, Any]) -> web.Response:
        """Answer one request; `tail` of its route is the path below the REST root."""
        try:
            answer = await self._answer(request, claims)
        except RestError as exc:
            headers = exc.headers
            return error_response(
                exc.status, exc.code, exc.message, exc.details, exc.hint, headers=headers
            )
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _answer(self, request: web.Request, claims: Mapping[str, Any]) -> Answer:
        name, is_call = _parse_path(request.match_info["tail"])
        if request.method == hdrs.METH_OPTIONS:
            return await self._options(name, is_call=is_call)
        asked = await _read_request(request, name, is_call=is_call)
        job = await self._prepare(prepare_call if is_call else prepare_job, asked)
        return await self._run(job, _frame(request, claims, job))

    async def _prepare(self, prepare: Prepare, asked: Asked) -> Job:
        """Prepare with the catalogue known, and once more if it may be out of date."""
        catalogue = await self._cache.get()
        try:
            return prepare(catalogue, asked, self._max_rows)
        except RestError as exc:
            newer = await self._cache.get_newer(catalogue) if exc.code in STALE else None
            if newer is None:
                raise
        return prepare(newer, asked, self._max_rows)

    async def _run(self, job: Job, frame: Frame) -> Answer:
        async with self._database.transaction(frame) as connection:
            row = await connection.fetchrow(job.statement.text, *job.statement.values)
            check_outcome(job, row)
            guessed = await _guess(connection, job)
        return render_answer(job, row, guessed)

    async def _options(self, name: str, *, is_call: bool) -> Answer:
        catalogue = await self._cache.get()
        if is_call:
            overloads = catalogue.functions.get(name)
            if overloads is None:
                raise missing_function(catalogue, name)
            is_volatile = all(function.volatility == "v" for function in overloads)
            allowed = "OPTIONS,POST" if is_volatile else "OPTIONS,GET,HEAD,POST"
        else:
            allowed = _allowed(catalogue.find_relation(name))
        return Answer(200, {"Allow": allowed, "Access-Control-Allow-Origin": "*"})


async def _guess(connection: asyncpg.Connection, job: Job) -> int | None:
    if job.guess is None:
        return None
    plan = orjson.loads(await connection.fetchval(job.guess.text, *job.guess.values))
    return int(plan[0]["Plan"]["Plan Rows"])


def _allowed(relation: Relation) -> str:
    can_put = relation.is_insertable and relation.is_updatable and bool(relation.primary_key)
    verbs = {
        "OPTIONS,GET,HEAD": True,
        "POST": relation.is_insertable,
        "PUT": can_put,
        "PATCH": relation.is_updatable,
        "DELETE": relation.is_deletable,
    }
    return ",".join(verb for verb, is_possible in verbs.items() if is_possible)


def _parse_path(tail: str) -> tuple[str, bool]:
    match tail.strip("/").split("/"):
        case [""]:
            raise RestError(404, "PGRST126", "Root endpoint metadata is disabled")
        case ["rpc", name]:
            return name, True
        case [name]:
            return name, False
        case _:
            raise RestError(404, "PGRST125", "Invalid path specified in request URL")


async def _read_request(request: web.Request, name: str, *, is_call: bool) -> Asked:
    method = request.method
    is_read = method in READS
    if is_call and not (is_read or method == hdrs.METH_POST):
        raise RestError(405, "PGRST101", f"Cannot use the {method} method on RPC")
    check_profile(request.headers.get("Accept-Profile" if is_read else "Content-Profile"))
    raw_query = request.raw_path.partition("#")[0].partition("?")[2]
    return Asked(
        method=method,
        name=name,
        query=parse_query(raw_query, has_arguments=is_call and is_read),
        preferences=parse_preferences(request.headers.getall("Prefer", ())),
        form=parse_accept(request.headers.getall(hdrs.ACCEPT, ())),
        range_header=request.headers.get(hdrs.RANGE) if method == hdrs.METH_GET else None,
        body=b"" if is_read else await _read_body(request),
        content_type=request.headers.get(hdrs.CONTENT_TYPE, ""),
    )


async def _read_body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise RestError(413, "PGRST102", "The request body is too large") from None


def _frame(request: web.Request, claims: Mapping[str, Any], job: Job) -> Frame:
    role = claims.get("role")
    role = role if isinstance(role, str) and role else ANON
    dump = partial(json.dumps, separators=(",", ":"))
    return Frame(
        role=role,
        claims=dump({**claims, "role": role}),
        method=request.method,
        path=f"/{request.match_info['tail']}",
        headers=dump(_lowered(request.headers)),
        timezone=job.asked.preferences.get("timezone"),
        is_read_only=job.is_read_only,
    )


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers as `request.headers` shows them; bytes that are no UTF-8 become "?"."""
    return {
        name.lower(): value.encode("utf-8", "replace").decode() for name, value in headers.items()
    }
