from io import BytesIO

import pytest
from aiohttp import web

from atoms_mcp.local.auth import body as auth_body
from atoms_mcp.local.auth.body import (
    CAPTCHA_TOKEN,
    check_captcha,
    check_email,
    check_who,
    get_data,
    get_flag,
    get_text,
    read_form,
    read_object,
)
from atoms_mcp.local.auth.errors import AuthError


@pytest.fixture
async def ask(aiohttp_client):
    """Send a body to a handler that reads it; gives the object or the code of the refusal."""

    async def handle(request):
        try:
            return web.json_response(await read_object(request))
        except AuthError as exc:
            return web.json_response([exc.status, exc.code])

    app = web.Application()
    app.router.add_post("/", handle)
    client = await aiohttp_client(app)

    async def send(body):
        return await (await client.post("/", data=body)).json()

    return send


async def parts(*sizes):
    for size in sizes:
        yield b" " * size


async def test_an_object_is_read(ask):
    assert await ask(b'{"a": [1]}') == {"a": [1]}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"a": NaN}'])
async def test_anything_else_is_bad_json(ask, body):
    assert await ask(body) == [400, "bad_json"]


async def test_a_body_that_says_it_is_too_large_is_not_read(ask):
    body = BytesIO(b" " * (auth_body.BODY_BYTES + 1))

    assert await ask(body) == [413, "request_entity_too_large"]


async def test_a_body_that_turns_out_too_large_is_not_read_on(ask):
    answer = await ask(parts(auth_body.BODY_BYTES, 1))

    assert answer == [413, "request_entity_too_large"]


def test_an_absent_or_null_text_is_empty():
    assert get_text({}, "email") == get_text({"email": None}, "email") == ""
    assert get_text({"email": "x"}, "email") == "x"


@pytest.mark.parametrize("value", [0, [], {}, True])
def test_a_text_is_a_text(value):
    with pytest.raises(AuthError, match="email is no text"):
        get_text({"email": value}, "email")


def test_absent_or_null_data_is_empty():
    assert get_data({}) == get_data({"data": None}) == {}
    assert get_data({"data": {"a": 1}}) == {"a": 1}


@pytest.mark.parametrize("value", [0, [], "x"])
def test_data_is_an_object(value):
    with pytest.raises(AuthError, match="data is no object"):
        get_data({"data": value})


def nested(levels):
    data = {}
    for level in range(levels - 1):
        data = {"b": 1, "a": [1, data]} if level % 2 else {"a": data}
    return data


def test_data_may_be_nested_as_deeply_as_it_can_be_rendered():
    deep = nested(43)  # every other level is a list as well

    assert get_data({"data": deep}) == deep


def test_deeper_data_is_refused():
    with pytest.raises(AuthError, match="deeper than 64 levels") as caught:
        get_data({"data": nested(44)})

    assert caught.value.status == 400


def test_an_address_is_kept_in_lower_case():
    assert check_email("Ada+Lists@Acme.Example") == "ada+lists@acme.example"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@acme.example",
        "ada@",
        "a b@acme.example",
        "ada@acme..example",
        "ada@acme.example\n",
        "ada\0@acme.example",
        "ada@-acme.example",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(AuthError, match="invalid format"):
        check_email(address)


def test_a_longer_address_than_the_column_is_refused():
    with pytest.raises(AuthError, match="too long"):
        check_email("a" * 251 + "@x.yz")


@pytest.fixture
async def fill_in(aiohttp_client):
    """Send a form or JSON to a handler that reads it."""

    async def handle(request):
        return web.json_response(await read_form(request))

    app = web.Application()
    app.router.add_post("/", handle)
    client = await aiohttp_client(app)

    async def send(**more):
        return await (await client.post("/", **more)).json()

    return send


async def test_a_form_is_read_like_an_object_and_its_first_values_count(fill_in):
    assert await fill_in(json={"a": [1]}) == {"a": [1]}
    assert await fill_in(data="a=1%202&b=&a=3&c") == {"a": "1 2", "b": "", "c": ""}
    assert await fill_in(data=b"\xff=\xff") == {"\ufffd": "\ufffd"}


@pytest.mark.parametrize(("value", "flag"), [(None, True), (True, True), (False, False)])
def test_a_flag_is_on_unless_it_is_off(value, flag):
    assert get_flag({"on": value}, "on") is flag
    assert get_flag({}, "on") is True


def test_a_flag_is_no_text():
    with pytest.raises(AuthError, match="bad_json"):
        get_flag({"on": "yes"}, "on")


def test_one_solves_a_captcha_with_the_published_token():
    check_captcha({"gotrue_meta_security": {"captcha_token": CAPTCHA_TOKEN}})


@pytest.mark.parametrize(
    "security", [None, [], "x", {}, {"captcha_token": None}, {"captcha_token": "guess"}]
)
def test_anything_else_solves_none(security):
    with pytest.raises(AuthError, match="captcha_failed"):
        check_captcha({"gotrue_meta_security": security})


@pytest.mark.parametrize(
    ("email", "phone", "code"),
    [
        ("", "", "validation_failed"),
        ("a@b.c", "1", "validation_failed"),
        ("", "1", "phone_provider_disabled"),
    ],
)
def test_people_are_known_by_their_address(email, phone, code):
    with pytest.raises(AuthError, match=code):
        check_who(email, phone)
    check_who("a@b.c", "")
