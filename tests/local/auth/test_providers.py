import re
import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

VERIFIER = "v" * 43
PLAIN = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
BACK = "http://127.0.0.1:5/back?a=1"
SITE = "http://127.0.0.1:8000"


@pytest.fixture
async def ann(somebody):
    """Somebody with an account, where the pretended provider is."""
    person = await somebody(has_demo_provider=True)
    person.id = (await person.sign_up())["user"]["id"]
    return person


def read(text):
    return {name: values[0] for name, values in parse_qs(text).items()}


@pytest.fixture
def browse(ann):
    """Ask as a browser, which knows no key, and give the answer."""

    async def get(path, **query):
        url = f"/auth/v1{path}?{urlencode(query)}"
        return await ann.client.get(url, headers={"apikey": ""}, allow_redirects=False)

    return get


@pytest.fixture
def leave(browse):
    """Leave for the provider, and give the state that it was told."""

    async def go(**query):
        asked = {"provider": "demo", "redirect_to": BACK, **query}
        answer = await browse("/authorize", **asked)
        assert answer.status == 302
        url = urlsplit(answer.headers["Location"])
        assert url.path == "/auth/v1/demo"
        return read(url.query)["state"]

    return go


@pytest.fixture
def come_back(browse):
    async def go(**query):
        answer = await browse("/callback", **query)
        assert answer.status == 302
        return urlsplit(answer.headers["Location"])

    return go


async def test_the_page_lists_accounts_and_says_what_it_is(ann, browse, leave):
    state = await leave(**PLAIN)

    answer = await browse("/demo", state=state)

    page = await answer.text()
    assert answer.content_type == "text/html"
    assert "pretended" in page
    assert re.search(rf'value="{ann.id}">{re.escape(ann.email)}<', page)
    assert f'name="state" value="{state}"' in page


async def test_a_sign_in_comes_back_with_a_code(ann, leave, come_back):
    url = await come_back(state=await leave(**PLAIN), code=ann.id)

    query = read(url.query)
    body = {"auth_code": query["code"], "code_verifier": VERIFIER}
    answer = await (await ann.post("/token?grant_type=pkce", body)).json()
    assert (query["a"], url.fragment) == ("1", "")
    assert answer["user"]["app_metadata"]["providers"] == ["email", "demo"]
    assert {one["provider"] for one in answer["user"]["identities"]} == {"email", "demo"}


async def test_a_sign_in_without_a_challenge_comes_back_with_tokens(ann, leave, come_back):
    url = await come_back(state=await leave(), code=ann.id)

    token = read(url.fragment)["access_token"]
    assert (await ann.get("/user", token)).status == 200
    assert url._replace(fragment="").geturl() == BACK


async def test_a_provider_vouches_once_for_each_account(ann, leave, come_back):
    for _ in range(2):
        url = await come_back(state=await leave(), code=ann.id)

    user = await (await ann.get("/user", read(url.fragment)["access_token"])).json()
    assert user["app_metadata"]["providers"] == ["email", "demo"]


async def test_what_a_stranger_set_for_an_unconfirmed_address_is_void(somebody, told, pool):
    ann = await somebody(has_demo_provider=True)
    user = (await ann.sign_up())["user"]
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set email_confirmed_at = null where email = $1", ann.email
        )

    first = await ann.client.get(
        "/auth/v1/authorize?provider=demo", allow_redirects=False, headers={"apikey": ""}
    )
    state = read(urlsplit(first.headers["Location"]).query)["state"]
    await ann.client.get(
        f"/auth/v1/callback?state={state}&code={user['id']}", allow_redirects=False
    )

    assert await told(await ann.sign_in()) == (400, "invalid_credentials")


async def test_whoever_refuses_comes_back_without_a_code(leave, come_back):
    url = await come_back(state=await leave(**PLAIN), error="access_denied")

    told = read(url.query)
    assert (told["a"], told["error"], told["error_code"]) == (
        "1",
        "access_denied",
        "provider_refused",
    )
    assert "code" not in told


@pytest.mark.parametrize("code", ["", "x", str(uuid.uuid4())])
async def test_nobody_is_signed_in_as_nobody(leave, come_back, code):
    url = await come_back(state=await leave(**PLAIN), code=code)

    assert read(url.query)["error_code"] == "bad_oauth_callback"


async def test_the_banned_are_told(ann, leave, come_back, pool):
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set banned_until = now() + $2 where email = $1",
            ann.email,
            timedelta(hours=1),
        )

    url = await come_back(state=await leave(**PLAIN), code=ann.id)

    assert read(url.query)["error_code"] == "user_banned"


async def test_a_state_is_used_once_and_in_time(ann, leave, come_back, clock):
    used, late = await leave(**PLAIN), await leave(**PLAIN)
    await come_back(state=used, code=ann.id)

    again = await come_back(state=used, code=ann.id)
    clock.advance(301)
    slow = await come_back(state=late, code=ann.id)

    assert again.geturl().startswith(f"{SITE}?error=")
    assert read(again.query)["error_code"] == "bad_oauth_state"
    assert read(slow.query)["error_code"] == "flow_state_expired"


@pytest.mark.parametrize("state", ["", "x", str(uuid.uuid4())])
async def test_without_a_state_the_site_is_told(ann, come_back, state):
    url = await come_back(state=state, code=ann.id)

    assert url.geturl().startswith(f"{SITE}?error=")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"provider": "github"},
        {"provider": "demo", "code_challenge": VERIFIER},
        {"provider": "demo", "code_challenge": "x", "code_challenge_method": "s256"},
    ],
)
async def test_a_bad_departure_stays(browse, told, query):
    assert await told(await browse("/authorize", **query)) == (400, "validation_failed")


async def test_a_plain_project_has_no_provider(person, told):
    authorize = await person.client.get("/auth/v1/authorize?provider=demo")
    settings = await (await person.get("/settings")).json()

    assert await told(authorize) == (400, "validation_failed")
    assert "demo" not in settings["external"]
    assert (await person.client.get("/auth/v1/demo")).status == 404


async def test_the_page_is_for_this_machine_alone(ann):
    answer = await ann.client.get("/auth/v1/demo", headers={"Host": "rebound.example"})

    assert answer.status == 404


@pytest.mark.parametrize("path", ["/authorize", "/demo", "/callback"])
async def test_no_page_of_another_origin_may_read_the_way(ann, path):
    answer = await ann.client.get(
        f"/auth/v1{path}", headers={"Origin": "http://evil.example"}, allow_redirects=False
    )

    assert "Access-Control-Allow-Origin" not in answer.headers
