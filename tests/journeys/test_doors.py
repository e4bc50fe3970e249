"""Every way to sign in, through our door, at a project that is really there."""

import time
import uuid
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from atoms_mcp.identity.attempts import Attempts
from atoms_mcp.identity.connections import Connection, Connections
from atoms_mcp.identity.credentials import check_credentials
from atoms_mcp.identity.sign_in import MailSent, SignIn, SignInRefused, needs_second_factor
from atoms_mcp.local.auth.totp import code_at
from atoms_mcp.settings import ServerSettings, load
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.authorization import Decided
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.rest import Rest
from atoms_mcp.supabase.wire import Wire

ADDRESS = "192.0.2.1"
BACK = "http://127.0.0.1:8000/sign-in/callback?state=mine"
PASSWORD = "long enough, all of it"
WAIT_S = 5


@pytest.fixture
def project(confirming_stack):
    return confirming_stack


@pytest.fixture
async def wire(project):
    settings = load(
        ServerSettings, {"SUPABASE_URL": project.url, "SUPABASE_ANON_KEY": project.anon_key}
    )
    wire = Wire(settings)
    yield wire
    await wire.close()


@pytest.fixture
def sign_in(wire):
    attempts = Attempts(per_account="5 per 5 minute", per_address=None)
    return SignIn(SupabaseAuth(wire), attempts, failure_floor_s=0, mail_floor_s=WAIT_S, sleep=skip)


async def skip(_seconds):
    """Wait for nothing: what the floors hide is timed elsewhere."""


@pytest.fixture
def browser(project):
    """What follows links, one step at a time."""
    with httpx.Client(timeout=WAIT_S, headers={"apikey": project.anon_key}) as client:
        yield client


@pytest.fixture
def mails(project, browser):
    """Read what was mailed to an address, the newest first."""

    def read(email):
        answer = browser.get(
            f"{project.url}/mail", params={"to": email}, headers={"Accept": "application/json"}
        )
        answer.raise_for_status()
        return [mail for mail in answer.json() if mail["to"] == email]

    return read


@pytest.fixture
async def person(sign_in, mails):
    """An account of the test's own, with its address confirmed."""
    email = new_address()
    await sign_in.sign_up(email, PASSWORD, None, ADDRESS)
    await sign_in.by_code(email, mails(email)[0]["code"], ADDRESS, kind="signup")
    return email


def new_address():
    return f"person-{uuid.uuid4().hex[:12]}@example.com"


def code_of(location):
    """Give the code that a browser is sent back to us with, and check that it is to us."""
    assert location.startswith(BACK.partition("?")[0])
    query = dict(parse_qsl(urlsplit(location).query))
    assert query["state"] == "mine"
    return query["code"]


async def by_password(sign_in, email, password=PASSWORD):
    return await sign_in.by_password(check_credentials(email, password, None), ADDRESS)


async def refused(call):
    with pytest.raises(SignInRefused) as caught:
        await call
    return caught.value.error


async def test_the_project_says_what_it_offers(sign_in):
    settings = await sign_in.project.settings()

    assert settings.has_email
    assert settings.allows_sign_up
    assert not settings.is_autoconfirm
    assert settings.providers == ("demo",)


async def test_a_code_is_mailed_to_who_has_an_account_and_opens_it_once(sign_in, mails, person):
    stranger = new_address()
    before = len(mails(person))
    assert await sign_in.request_code(person, ADDRESS) == MailSent()
    assert await sign_in.request_code(stranger, ADDRESS) == MailSent()
    assert len(mails(person)) == before + 1
    assert mails(stranger) == []

    code = mails(person)[0]["code"]
    assert await refused(sign_in.by_code(person, "000000", ADDRESS)) == "code_refused"
    assert await refused(sign_in.by_code(stranger, code, ADDRESS)) == "code_refused"
    session = await sign_in.by_code(person, code, ADDRESS)
    assert session.user.email == person
    assert await refused(sign_in.by_code(person, code, ADDRESS)) == "code_refused"


@pytest.mark.parametrize("door", ["request_code", "request_recovery"])
async def test_the_link_of_a_mail_leads_back_to_us(sign_in, mails, person, browser, door):
    sent = await getattr(sign_in, door)(person, ADDRESS, BACK)

    came = browser.get(mails(person)[0]["link"])
    code = code_of(came.headers["Location"])
    assert await refused(sign_in.by_provider(code, "another" * 7, ADDRESS)) == "sign_in_expired"
    sent = await getattr(sign_in, door)(person, ADDRESS, BACK)
    code = code_of(browser.get(mails(person)[0]["link"]).headers["Location"])
    session = await sign_in.by_provider(code, sent.verifier, ADDRESS)
    assert session.user.email == person
    assert await refused(sign_in.by_provider(code, sent.verifier, ADDRESS)) == "sign_in_expired"


async def test_a_code_of_a_mail_with_a_link_works_as_well(sign_in, mails, person):
    await sign_in.request_code(person, ADDRESS, BACK)

    assert await sign_in.by_code(person, mails(person)[0]["code"], ADDRESS)


async def test_a_lost_password_is_replaced_by_way_of_a_mail(sign_in, mails, person):
    await sign_in.request_recovery(person, ADDRESS)
    session = await sign_in.by_code(person, mails(person)[0]["code"], ADDRESS, kind="recovery")

    assert await refused(sign_in.set_password(session, "x")) == "weak_password"
    assert await refused(sign_in.set_password(session, PASSWORD)) == "same_password"
    await sign_in.set_password(session, "another long one")

    assert await refused(by_password(sign_in, person)) == "invalid_credentials"
    assert await by_password(sign_in, person, "another long one")


async def test_signing_up_tells_nobody_who_is_there(sign_in, mails, person):
    before = len(mails(person))

    assert await sign_in.sign_up(person, PASSWORD, None, ADDRESS) == MailSent()
    assert len(mails(person)) == before
    assert await sign_in.sign_up(new_address(), PASSWORD, None, ADDRESS) == MailSent()
    assert await refused(sign_in.sign_up(person, "x", None, ADDRESS)) == "weak_password"
    assert await refused(sign_in.sign_up(new_address(), "x", None, ADDRESS)) == "weak_password"


async def test_an_account_is_unconfirmed_until_its_link_was_opened(sign_in, mails, browser):
    email = new_address()
    sent = await sign_in.sign_up(email, PASSWORD, None, ADDRESS, BACK)
    assert await refused(by_password(sign_in, email)) == "email_not_confirmed"

    code = code_of(browser.get(mails(email)[0]["link"]).headers["Location"])
    assert (await sign_in.by_provider(code, sent.verifier, ADDRESS)).user.email == email
    assert await by_password(sign_in, email)


async def test_a_second_factor_is_asked_for_and_raises_the_session(
    sign_in, person, project, browser
):
    session = await by_password(sign_in, person)
    secret, factor_id = enroll(project, browser, session.access_token)
    half = await by_password(sign_in, person)
    assert needs_second_factor(half).id == factor_id

    wrong = f"{(int(code_at(secret, time.time())) + 500_000) % 1_000_000:06d}"
    error = await refused(sign_in.by_second_factor(half, factor_id, wrong, ADDRESS))
    assert error == "second_factor_refused"
    whole = await sign_in.by_second_factor(half, factor_id, code_at(secret, time.time()), ADDRESS)

    assert needs_second_factor(whole) is None
    assert whole.user.email == person


def enroll(project, browser, token):
    """Enroll an authenticator, and give its secret and id."""
    factors = f"{project.url}/auth/v1/factors"
    bearer = {"Authorization": f"Bearer {token}"}
    body = {"factor_type": "totp", "friendly_name": "Phone"}
    made = browser.post(factors, json=body, headers=bearer).json()
    own = f"{factors}/{made['id']}"
    challenge = browser.post(f"{own}/challenge", json={}, headers=bearer).json()
    secret = made["totp"]["secret"]
    proof = {"challenge_id": challenge["id"], "code": code_at(secret, time.time())}
    browser.post(f"{own}/verify", json=proof, headers=bearer).raise_for_status()
    return secret, made["id"]


async def test_a_provider_leads_back_to_us(sign_in, person, browser, project):
    user_id = (await by_password(sign_in, person)).user.id
    url, verifier = await sign_in.begin_provider("demo", BACK)

    page = browser.get(url).headers["Location"]
    state = dict(parse_qsl(urlsplit(page).query))["state"]
    chosen = {"state": state, "code": user_id}
    came = browser.get(f"{project.url}/auth/v1/callback", params=chosen)
    session = await sign_in.by_provider(code_of(came.headers["Location"]), verifier, ADDRESS)

    assert session.user.id == user_id


async def test_a_provider_that_is_off_is_not_begun(sign_in):
    assert await refused(sign_in.begin_provider("github", BACK)) == "provider_disabled"


@pytest.mark.parametrize("scope", ["local", "global"])
async def test_a_session_that_was_signed_out_is_over(sign_in, wire, person, scope):
    auth, session = SupabaseAuth(wire), await by_password(sign_in, person)

    await auth.sign_out(session.access_token, scope)
    await auth.sign_out(session.access_token, scope)

    assert await refused(sign_in.by_refresh_token(session.refresh_token, None)) == "session_over"


async def test_connected_clients_are_listed_for_their_user_alone(sign_in, wire, person):
    connections = Connections(Rest(wire))
    mine = (await by_password(sign_in, person)).access_token
    session = await sign_in.by_password(
        check_credentials("ada@acme.example", "correct-horse-demo", None), ADDRESS
    )
    connection = Connection(
        id=str(uuid.uuid4()),
        client_id="registered:0123456789ab",
        client_name="Inspector",
        client_host=None,
        redirect_host="127.0.0.1",
        scope="atoms:read",
        session_id=str(uuid.uuid4()),
    )

    await connections.record(connection, mine)
    await connections.record(connection, mine)
    [listed] = await connections.list(mine)
    assert (listed.id, listed.client_name) == (connection.id, "Inspector")
    assert abs(listed.created_at - time.time()) < 60

    await connections.touch(connection.id, mine)
    await connections.touch(connection.id, session.access_token)
    await connections.remove(connection.id, session.access_token)
    assert await connections.list(session.access_token) == []
    [used] = await connections.list(mine)
    assert used.last_used_at >= used.created_at

    await connections.remove(connection.id, mine)
    assert await connections.list(mine) == []


REDIRECT = "http://127.0.0.1:9999/cb"


@pytest.fixture
def ask(project, browser):
    """Ask for a person's consent as a client does, and give the id of the request."""
    auth = f"{project.url}/auth/v1"
    client = {
        "client_name": "A client",
        "client_uri": "https://client.example",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
    }
    made = browser.post(f"{auth}/oauth/clients/register", json=client).json()

    def ask_once():
        query = {
            "response_type": "code",
            "client_id": made["client_id"],
            "redirect_uri": REDIRECT,
            "code_challenge": "c" * 43,
            "code_challenge_method": "S256",
            "scope": "email",
            "state": "theirs",
        }
        page = browser.get(f"{auth}/oauth/authorize", params=query).headers["Location"]
        return dict(parse_qsl(urlsplit(page).query))["authorization_id"]

    return ask_once


async def test_what_a_client_asks_of_supabase_itself_is_shown_and_decided(
    sign_in, wire, person, ask
):
    auth, token = SupabaseAuth(wire), (await by_password(sign_in, person)).access_token

    id_ = ask()
    asked = await auth.get_authorization(token, id_)
    assert (asked.id, asked.client_name, asked.scope) == (id_, "A client", "email")
    assert asked.redirect_uri == REDIRECT
    no = await auth.decide_authorization(token, id_, approve=False)
    assert "error=access_denied" in no.redirect_url

    id_ = ask()
    await auth.get_authorization(token, id_)
    yes = await auth.decide_authorization(token, id_, approve=True)
    assert yes.redirect_url.startswith(f"{REDIRECT}?")
    assert dict(parse_qsl(urlsplit(yes.redirect_url).query))["state"] == "theirs"

    known = await auth.get_authorization(token, ask())
    assert isinstance(known, Decided)


async def test_what_is_asked_of_one_user_is_not_shown_to_another(sign_in, wire, person, ask):
    auth, id_ = SupabaseAuth(wire), ask()
    await auth.get_authorization((await by_password(sign_in, person)).access_token, id_)
    ada = check_credentials("ada@acme.example", "correct-horse-demo", None)
    other = (await sign_in.by_password(ada, ADDRESS)).access_token

    for call in (
        auth.get_authorization(other, id_),
        auth.decide_authorization(other, id_, approve=True),
        auth.get_authorization(other, "unknown"),
    ):
        with pytest.raises(SupabaseError) as caught:
            await call
        assert (caught.value.kind, caught.value.status) == ("refused", 404)
