import pytest
from aiohttp import web

from atoms_mcp.doctor.visit import Unreachable, Visitor, open_session


@pytest.fixture
async def visitor():
    async with open_session() as session:
        yield Visitor(session)


@pytest.fixture
async def base(aiohttp_server):
    async def echo(request):
        sent = await request.read()
        return web.json_response({"type": request.content_type, "body": sent.decode()})

    async def away(_request):
        raise web.HTTPFound("/echo")

    async def array(_request):
        return web.json_response([1])

    async def preflight(request):
        return web.Response(headers=dict(request.query))

    app = web.Application()
    app.router.add_post("/echo", echo)
    app.router.add_get("/away", away)
    app.router.add_get("/list", array)
    app.router.add_route("OPTIONS", "/cors", preflight)
    return str((await aiohttp_server(app)).make_url(""))


async def test_a_request_may_carry_json_or_a_form(visitor, base):
    json = await visitor.ask("POST", f"{base}/echo", json={"a": 1})
    form = await visitor.ask("POST", f"{base}/echo", form={"a": "1"})

    assert json.parse() == {"type": "application/json", "body": '{"a":1}'}
    assert form.parse()["body"] == "a=1"
    assert json.media_type == "application/json"


async def test_redirects_are_not_followed(visitor, base):
    assert (await visitor.ask("GET", f"{base}/away")).status == 302


async def test_what_is_no_object_is_not_read(visitor, base):
    assert (await visitor.ask("GET", f"{base}/list")).parse() is None
    assert (await visitor.ask("GET", f"{base}/nothing")).parse() is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "nonsense", "http://"])
async def test_nobody_there_is_told_apart(visitor, url):
    with pytest.raises(Unreachable, match=r"cannot be reached|did not answer"):
        await visitor.ask("GET", url)


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ("Access-Control-Allow-Origin=*&Access-Control-Allow-Headers=x-a, x-b", True),
        ("Access-Control-Allow-Origin=*&Access-Control-Allow-Headers=*", True),
        ("Access-Control-Allow-Origin=*&Access-Control-Allow-Headers=x-b", False),
        ("Access-Control-Allow-Origin=https://other.example", False),
        ("", False),
    ],
)
async def test_a_page_may_ask_where_the_preflight_says_so(visitor, base, headers, may):
    assert await visitor.may_read("GET", f"{base}/cors?{headers}", "X-A") is may
