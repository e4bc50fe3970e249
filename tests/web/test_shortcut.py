import aiohttp
import pytest
from aiohttp import web as aiohttp_web
from raw_http import serving_raw
from web_double import WebDouble

from atoms_mcp.web.fields import read_body
from atoms_mcp.web.keys import Access, Cors, Route


async def echo(request):
    return aiohttp_web.json_response(
        {
            "method": request.method,
            "variables": dict(request.match_info),
            "query": request.query_string,
            "body": (await read_body(request)).decode(),
        }
    )


async def fail(_request):
    raise RuntimeError("always")


ROUTES = [
    Route("GET", "/echo", echo, Access.OPEN),
    Route("POST", "/echo", echo, Access.OPEN),
    Route("GET", "/echo/{name}", echo, Access.OPEN),
    Route("GET", "/.well-known/echo", echo, Access.OPEN, Cors.ANY),
    Route("GET", "/fails", fail, Access.OPEN),
]


@pytest.fixture
async def client(supabase, clock):
    async with (
        serving_raw(WebDouble(supabase, clock, routes=ROUTES)) as raw,
        aiohttp.ClientSession(f"http://127.0.0.1:{raw.double.port}") as session,
    ):
        yield session


async def ask(client, method, path, **more):
    """Give the status and what was told, where it is JSON."""
    async with client.request(method, path, **more) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_an_address_that_is_known_gets_what_belongs_to_each_request(client):
    for number in range(3):
        asked = f"number={number}"
        assert await ask(client, "GET", f"/echo?{asked}") == (
            200,
            {"method": "GET", "variables": {}, "query": asked, "body": ""},
        )
        assert await ask(client, "POST", "/echo", data=asked) == (
            200,
            {"method": "POST", "variables": {}, "query": "", "body": asked},
        )


async def test_variables_of_an_address_are_those_of_each_request(client):
    for name in ("one", "two", "one"):
        _, told = await ask(client, "GET", f"/echo/{name}")
        assert told["variables"] == {"name": name}


async def test_another_method_or_spelling_of_a_known_address_is_looked_up(client):
    for _ in range(2):
        assert (await ask(client, "GET", "/echo"))[0] == 200
        assert (await ask(client, "DELETE", "/echo"))[0] == 405
        assert (await ask(client, "GET", "/echo/"))[0] == 404
        assert (await ask(client, "GET", "/Echo"))[0] == 404


async def test_an_expectation_is_met_at_a_known_address(client):
    for _ in range(2):
        status, told = await ask(client, "POST", "/echo", data="later", expect100=True)
        assert (status, told["body"]) == (200, "later")
        assert (await ask(client, "POST", "/echo", headers={"Expect": "tea"}))[0] == 417


async def test_signals_of_an_application_reach_answers_at_a_known_address(client):
    for _ in range(2):
        async with client.get(
            "/.well-known/echo", headers={"Origin": "https://elsewhere.example"}
        ) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_fault_at_a_known_address_is_answered_each_time(client):
    for _ in range(3):
        status, told = await ask(client, "GET", "/fails")
        assert (status, told["error"]) == (500, "internal_error")
