import asyncio

import pytest
from aiohttp import web as aiohttp_web
from web_double import WebDouble, assert_problem

from atoms_mcp.web import keys
from atoms_mcp.web.keys import Access, Route
from atoms_mcp.web.load import Load
from atoms_mcp.web.stream import EventStream


class Held:
    """Two requests that last: one is at work, the other only a stream."""

    def __init__(self):
        self.go = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def work(self, _request):
        self.entered.release()
        await self.go.wait()
        return aiohttp_web.Response(text="done")

    async def stream(self, request):
        events = EventStream()
        await events.open(request)
        events.put(b"1")
        self.entered.release()
        await self.go.wait()
        events.finish()
        return events


@pytest.fixture
async def held(supabase, clock):
    held = Held()
    routes = [
        Route("GET", "/work", held.work, Access.OPEN),
        Route("GET", "/stream", held.stream, Access.OPEN),
    ]
    held.web = await WebDouble(supabase, clock, routes=routes).start()
    held.web.app[keys.LOAD].limit = 2
    yield held
    held.go.set()
    await held.web.close()


async def hold(held, path):
    """Send a request that lasts; give the task that has its answer, when it is at work."""
    task = asyncio.create_task(held.web.ask("GET", path))
    async with asyncio.timeout(5):
        await held.entered.acquire()
    return task


async def test_what_comes_on_top_is_told_when_to_try_again(held, lines):
    tasks = [await hold(held, "/work"), await hold(held, "/work")]

    refused = await held.web.ask("POST", "/api/mcp")
    held.go.set()
    answers = await asyncio.gather(*tasks)
    later = await held.web.ask("GET", "/auth/status")

    assert_problem(refused, 503, "overloaded")
    assert int(refused.headers["Retry-After"]) == 2
    assert lines[0]["status"] == 503
    assert [answer.status for answer in answers] == [200, 200]
    assert later.status == 200


async def test_whoever_watches_the_process_gets_an_answer_under_any_load(held):
    await hold(held, "/work")
    await hold(held, "/work")

    assert (await held.web.ask("GET", "/healthz")).status == 200
    assert (await held.web.ask("GET", "/readyz")).status in {200, 503}


async def test_open_streams_are_no_load(held):
    for _ in range(5):
        await hold(held, "/stream")

    assert (await held.web.ask("GET", "/auth/status")).status == 200


async def test_nothing_is_counted_for_good(held):
    await held.web.ask("GET", "/nowhere")
    await held.web.ask("POST", "/api/mcp")
    stream = await hold(held, "/stream")
    load = held.web.app[keys.LOAD]
    assert (load.requests, load.streams) == (1, 1)
    held.go.set()
    await stream

    assert (load.requests, load.streams) == (0, 0)


def test_a_process_works_on_a_thousand_requests():
    assert Load().limit == 1000
