import asyncio
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from auth_world import Person

from atoms_mcp.local.auth.limits import Buckets, Limits

VERIFIER = "v" * 43
PLAIN = {"code_challenge": VERIFIER, "code_challenge_method": "plain"}
BACK = "http://127.0.0.1:5/back"


@pytest.fixture
async def ann(somebody):
    """Somebody with an account."""
    person = await somebody()
    await person.sign_up()
    return person


@pytest.fixture
def mailed(ann, mails_to):
    """Ask for a mail, and give it."""

    async def ask(path="/otp", **more):
        answer = await ann.post(f"{path}?redirect_to={BACK}", {"email": ann.email, **more})
        assert answer.status == 200
        return (await mails_to(ann))[0]

    return ask


@pytest.fixture
def show(ann):
    """Show a code, or what else is given."""

    async def post(code="", kind="email", **more):
        body = {"type": kind, **({"email": ann.email, "token": code} if code else {}), **more}
        return await ann.post("/verify", body)

    return post


async def follow(person, link):
    """Follow a link as a browser, and give the address that it leads to, taken apart."""
    parts = urlsplit(link)
    answer = await person.client.get(
        f"{parts.path}?{parts.query}", headers={"apikey": ""}, allow_redirects=False
    )
    assert answer.status == 303
    assert answer.headers["Cache-Control"] == "no-store"
    return urlsplit(answer.headers["Location"])


def read(text):
    return {name: values[0] for name, values in parse_qs(text).items()}


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/otp", "email"), ("/otp", "magiclink"), ("/recover", "recovery"), ("/recover", "email")],
)
async def test_a_code_signs_in_once(ann, mailed, show, told, path, kind):
    mail = await mailed(path)

    answer = await (await show(mail["code"], kind)).json()

    assert answer["user"]["email"] == ann.email
    assert (await ann.get("/user", answer["access_token"])).status == 200
    assert await told(await show(mail["code"], kind)) == (403, "otp_expired")


async def test_of_two_who_show_a_code_one_comes_in(mailed, show):
    mail = await mailed()

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(show(mail["code"]) for _ in range(4)))

    assert sorted(answer.status for answer in answers) == [200, 403, 403, 403]


async def test_a_code_ends_after_an_hour(mailed, show, clock, told):
    mail = await mailed()
    clock.advance(3601)

    assert await told(await show(mail["code"])) == (403, "otp_expired")


async def test_a_new_mail_voids_the_last_one(ann, mailed, show, told):
    first = await mailed()
    second = await mailed("/recover")

    old = await follow(ann, first["link"])
    if first["code"] != second["code"]:
        assert await told(await show(first["code"])) == (403, "otp_expired")
    assert read(old.fragment)["error_code"] == "otp_expired"
    assert (await show(second["code"])).status == 200


@pytest.mark.parametrize("kind", ["signup", "invite"])
async def test_a_code_is_good_for_its_own_kind(mailed, show, told, kind):
    mail = await mailed()

    assert await told(await show(mail["code"], kind)) == (403, "otp_expired")


async def test_a_code_is_good_for_its_own_address(mailed, show, told):
    mail = await mailed()

    answer = await show(mail["code"], email="other@example.com")

    assert await told(answer) == (403, "otp_expired")


async def test_the_hash_of_a_link_is_shown_alone(mailed, show, told):
    token_hash = read(urlsplit((await mailed())["link"]).query)["token"]

    both = await show(token_hash=token_hash, email="a@b.c")
    wrong = await (await show(token_hash="x")).json()

    assert await told(both) == (400, "validation_failed")
    assert wrong["msg"] == "Email link is invalid or has expired"
    assert (await show(token_hash=token_hash)).status == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"type": "email"}, 400, "validation_failed"),
        ({"type": "stone", "email": "a@b.c", "token": "1"}, 400, "validation_failed"),
        ({"type": "email", "token": "1"}, 400, "validation_failed"),
        ({"type": "email", "token": "1", "email": "a@b.c", "phone": "1"}, 400, "validation_failed"),
        ({"type": "email", "token": "1", "email": "no address"}, 400, "validation_failed"),
        ({"type": "email", "token": "1", "phone": "1"}, 403, "otp_expired"),
        ({"type": "email", "token": 1, "email": "a@b.c"}, 400, "bad_json"),
    ],
)
async def test_what_is_shown_badly_is_refused(person, told, body, status, code):
    assert await told(await person.post("/verify", body)) == (status, code)


async def test_the_banned_and_the_gone_are_not_let_in(ann, mailed, show, pool, told):
    mail = await mailed()
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set banned_until = now() + $2 where email = $1",
            ann.email,
            timedelta(hours=1),
        )
    assert await told(await show(mail["code"])) == (403, "user_banned")
    async with pool.acquire() as connection:
        await connection.execute(
            "update auth.users set deleted_at = now() where email = $1", ann.email
        )
    assert await told(await show(mail["code"])) == (403, "otp_expired")


async def test_a_link_comes_back_with_tokens(ann, mailed):
    url = await follow(ann, (await mailed())["link"])

    told = read(url.fragment)
    assert url._replace(fragment="").geturl() == BACK
    assert set(told) == {
        "access_token",
        "refresh_token",
        "expires_in",
        "expires_at",
        "token_type",
        "type",
    }
    assert (await ann.get("/user", told["access_token"])).status == 200


@pytest.mark.parametrize("path", ["/otp", "/recover"])
async def test_a_link_with_a_challenge_comes_back_with_a_code(ann, mailed, path):
    mail = await mailed(path, **PLAIN)
    url = await follow(ann, mail["link"])
    body = {"auth_code": read(url.query)["code"], "code_verifier": VERIFIER}

    answer = await (await ann.post("/token?grant_type=pkce", body)).json()

    assert url.fragment == ""
    assert answer["user"]["email"] == ann.email


async def test_a_code_with_a_challenge_may_be_typed_in(mailed, show):
    mail = await mailed(**PLAIN)

    assert (await show(mail["code"])).status == 200


async def test_a_bad_link_with_a_challenge_says_so_in_the_query(ann, mailed):
    await mailed()

    url = await follow(
        ann, f"http://x/auth/v1/verify?token=pkce_x&type=magiclink&redirect_to={BACK}"
    )

    assert read(url.query) == read(url.fragment)
    assert read(url.query)["error"] == "access_denied"


async def test_a_link_whose_way_back_is_forgotten_says_so(ann, mailed, pool):
    mail = await mailed(**PLAIN)
    async with pool.acquire() as connection:
        await connection.execute("delete from auth.flow_state")

    url = await follow(ann, mail["link"])

    assert read(url.query)["error_code"] == "flow_state_not_found"


async def test_a_link_of_a_kind_that_never_leaves_with_a_challenge_has_no_way_back(ann, mailed):
    mail = await mailed(**PLAIN)

    url = await follow(ann, mail["link"].replace("type=magiclink", "type=email"))

    assert read(url.query)["error_code"] == "flow_state_not_found"


@pytest.mark.parametrize("query", ["", "type=magiclink", "token=x", "token=x&type=stone"])
async def test_half_a_link_is_told_at_once(person, told, query):
    answer = await person.client.get(f"/auth/v1/verify?{query}")

    assert await told(answer) == (400, "validation_failed")


async def test_showing_is_counted(somebody, told):
    person = await somebody(Limits(verify=Buckets("1 per hour", burst=2)))
    body = {"email": "a@b.c", "token": "1", "type": "email"}
    await person.post("/verify", body)
    await person.client.get("/auth/v1/verify?token=x&type=email", allow_redirects=False)

    assert await told(await person.post("/verify", body)) == (429, "over_request_rate_limit")
    assert (await Person(person.client, "x").get("/verify?token=x&type=email")).status == 429
