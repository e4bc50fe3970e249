import uuid

import pytest
from auth_world import Person
from oauth_world import BACK, App, read_query

from atoms_mcp.local.auth.limits import Buckets, Limits

SITE = "http://127.0.0.1:7777"


@pytest.fixture
async def app(somebody):
    """A registered app before a person who is signed in at the site."""
    person = await somebody(has_oauth_server=True, site_url=SITE)
    made = App(person, (await person.sign_up())["access_token"])
    await made.register(client_name="App")
    return made


@pytest.fixture
async def stranger(app):
    """The token of somebody else."""
    person = Person(app.person.client, f"{uuid.uuid4().hex}@example.com")
    return (await person.sign_up())["access_token"]


async def test_an_app_registers_itself(app):
    answer = await app.register(client_name="Other")

    assert answer.status == 201
    assert (await answer.json())["client_name"] == "Other"


async def test_registrations_are_counted(somebody, told):
    person = await somebody(Limits(clients=Buckets("1 per hour", burst=1)), has_oauth_server=True)
    app = App(person)
    await app.register()

    assert await told(await app.register()) == (429, "over_request_rate_limit")


async def test_a_request_leads_to_the_sites_page(app):
    answer = await app.ask()

    url = answer.headers["Location"]
    assert answer.status == 302
    assert url.startswith(f"{SITE}/oauth/consent?authorization_id=")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"client_id": ""}, "validation_failed"),
        ({"client_id": "https://app.example/client.json"}, "oauth_client_not_found"),
        ({"client_id": str(uuid.uuid4())}, "oauth_client_not_found"),
        ({"redirect_uri": ""}, "validation_failed"),
        ({"redirect_uri": f"{BACK}/"}, "validation_failed"),
        ({"redirect_uri": "http://127.0.0.1:6/back"}, "validation_failed"),
    ],
)
async def test_whoever_is_not_known_is_sent_nowhere(app, told, more, code):
    assert await told(await app.ask(**more)) == (400, code)


@pytest.mark.parametrize("state", ["s1", ""])
async def test_an_app_that_asks_wrongly_is_told(app, state):
    answer = await app.ask(scope="atoms:read", state=state)

    told = read_query(answer.headers["Location"])
    assert answer.headers["Location"].startswith(f"{BACK}?")
    assert told["error"] == "invalid_request"
    assert told.get("state", "") == state


async def test_the_page_is_told_who_asks_for_what(app):
    asked = await app.asked(scope="email profile")

    first = await (await app.read(asked)).json()
    again = await (await app.read(asked)).json()

    assert first == again
    assert first["authorization_id"] == asked
    assert first["client"] == {"id": app.id, "name": "App"}
    assert first["user"]["email"] == app.person.email
    assert (first["scope"], first["redirect_uri"]) == ("email profile", BACK)


async def test_whoever_approves_sends_a_code(app):
    asked = await app.asked()
    await app.read(asked)

    url = (await (await app.decide(asked)).json())["redirect_url"]

    assert set(read_query(url)) == {"code", "state"}
    assert read_query(url)["state"] == "s1"


async def test_whoever_denies_sends_no_code(app):
    asked = await app.asked(state="")
    await app.read(asked)

    url = (await (await app.decide(asked, "deny")).json())["redirect_url"]

    assert read_query(url)["error"] == "access_denied"
    assert not {"code", "state"} & set(read_query(url))


@pytest.mark.parametrize("action", ["approve", "deny"])
async def test_a_decision_is_made_once(app, told, action):
    asked = await app.asked()
    await app.read(asked)
    await app.decide(asked, action)

    assert await told(await app.decide(asked)) == (400, "validation_failed")
    assert await told(await app.read(asked)) == (400, "validation_failed")


async def test_a_decision_is_whoever_read_it_first(app, stranger, told):
    unread, asked = await app.asked(), await app.asked()
    await app.read(asked)
    missing = (404, "oauth_authorization_not_found")

    assert await told(await app.decide(unread)) == missing
    assert await told(await app.read(asked, stranger)) == missing
    assert await told(await app.decide(asked, token=stranger)) == missing
    assert (await app.decide(asked)).status == 200


async def test_a_request_ends_after_ten_minutes(app, clock, told):
    asked = await app.asked()
    clock.advance(601)

    assert await told(await app.read(asked)) == (404, "oauth_authorization_not_found")


@pytest.mark.parametrize("action", ["", "maybe"])
async def test_a_decision_is_one_of_two(app, told, action):
    asked = await app.asked()
    await app.read(asked)

    assert await told(await app.decide(asked, action)) == (400, "validation_failed")


async def test_only_the_sites_page_decides(app, told):
    asked = await app.asked()
    evil, site = {"Origin": "https://evil.example"}, {"Origin": SITE}

    assert await told(await app.read(asked, **evil)) == (400, "validation_failed")
    assert (await app.read(asked, **site)).status == 200
    assert await told(await app.decide(asked, **evil)) == (400, "validation_failed")
    assert (await app.decide(asked, **site)).status == 200


async def test_nobody_decides_without_a_login(app, told):
    asked = await app.asked()

    assert await told(await app.read(asked, "x")) == (403, "bad_jwt")
    assert await told(await app.decide(asked, token="x")) == (403, "bad_jwt")


async def test_what_is_granted_already_is_not_asked_again(app):
    await app.approved(scope="email profile")

    same = await (await app.read(await app.asked(scope="profile"))).json()
    wider = await (await app.read(await app.asked(scope="email phone"))).json()

    assert "code" in read_query(same["redirect_url"])
    assert wider["scope"] == "email phone"


async def test_grants_are_the_users_to_take_back(app, stranger, told):
    await app.approved()

    async def grants(token):
        return await (await app.person.get("/user/oauth/grants", token)).json()

    async def revoke(token, query):
        return await app.person.client.delete(
            f"/auth/v1/user/oauth/grants{query}", headers={"Authorization": f"Bearer {token}"}
        )

    [grant] = await grants(app.token)
    assert grant["client"]["id"] == app.id
    assert grant["scopes"] == ["email"]
    assert grant["granted_at"].endswith("Z")
    assert await grants(stranger) == []
    for query in ("", "?client_id=x"):
        assert await told(await revoke(app.token, query)) == (400, "validation_failed")
    query = f"?client_id={app.id}"
    assert await told(await revoke(stranger, query)) == (404, "oauth_consent_not_found")
    assert (await revoke(app.token, query)).status == 204
    assert await grants(app.token) == []


@pytest.mark.parametrize("switch", [False, True])
async def test_without_the_switch_nothing_of_it_is_there(somebody, told, switch):
    person = await somebody(has_oauth_server=switch)
    code = "not_found" if switch else "feature_disabled"

    assert await told(await person.get("/oauth/nothing")) == (404, code)
    metadata = await person.client.get("/.well-known/oauth-authorization-server/auth/v1")
    assert (metadata.status == 200) is switch
    answer = await person.post("/oauth/clients/register", {})
    assert answer.status == (400 if switch else 404)
