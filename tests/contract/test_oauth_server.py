"""Supabase's OAuth 2.1 server, asked as apps and pages ask it."""

import base64
import hashlib

import httpx
import jwt
import pytest

WAIT_S = 5
BACK = "http://127.0.0.1:7654/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


@pytest.fixture(scope="module")
def stack(start_stack, tmp_path_factory):
    """A stack that is an OAuth server."""
    return start_stack(
        tmp_path_factory.mktemp("oauth"),
        ATOMS_LOCAL_OAUTH_SERVER="on",
        ATOMS_LOCAL_SITE_URL="http://127.0.0.1:7777",
    )


@pytest.fixture(scope="module")
def project(stack, project_of):
    return project_of(stack)


@pytest.fixture
def app(project):
    """A plain HTTP client of Auth without the project's key, as apps are."""
    with httpx.Client(base_url=project.auth_url, timeout=WAIT_S) as client:
        yield client


def register(app, **more):
    body = {"redirect_uris": [BACK], "client_name": "App", "token_endpoint_auth_method": "none"}
    answer = app.post("/oauth/clients/register", json={**body, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def ask(app, client, **more):
    query = {
        "client_id": client["client_id"],
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "s1",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
        **more,
    }
    return app.get("/oauth/authorize", params=query)


def consent_page(answer):
    assert answer.status_code == 302
    return httpx.URL(answer.headers["Location"])


class Page:
    def __init__(self, project, token):
        headers = {"apikey": project.anon_key, "Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=project.auth_url, headers=headers, timeout=WAIT_S)

    def read(self, authorization_id):
        return self.http.get(f"/oauth/authorizations/{authorization_id}")

    def decide(self, authorization_id, action):
        path = f"/oauth/authorizations/{authorization_id}/consent"
        return self.http.post(path, json={"action": action})


@pytest.fixture
def ada(project, stack):
    email = stack.new_account()
    signed_in = stack.auth(
        "POST",
        "/token?grant_type=password",
        json={"email": email, "password": "correct-horse-demo"},
    ).json()
    page = Page(project, signed_in["access_token"])
    yield page
    page.http.close()


def approved(app, ada, client, **more):
    asked = consent_page(ask(app, client, **more)).params["authorization_id"]
    ada.read(asked)
    url = httpx.URL(ada.decide(asked, "approve").json()["redirect_url"])
    assert str(url).startswith(BACK)
    assert url.params["state"] == "s1"
    return url.params["code"]


def redeem(app, client, code, **more):
    form = {
        "grant_type": "authorization_code",
        "client_id": client["client_id"],
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        **more,
    }
    return app.post("/oauth/token", data=form)


def test_the_metadata_names_the_endpoints(project):
    root = project.auth_url.removesuffix("/auth/v1")
    told = httpx.get(f"{root}/.well-known/oauth-authorization-server/auth/v1").json()

    assert told["issuer"] == project.auth_url
    assert told["authorization_endpoint"] == f"{project.auth_url}/oauth/authorize"
    assert told["registration_endpoint"] == f"{project.auth_url}/oauth/clients/register"


def test_an_app_gets_tokens_for_a_user_who_consents(app, ada, stack):
    client = register(app)
    url = consent_page(ask(app, client, scope="openid email", nonce="n1"))
    asked = url.params["authorization_id"]
    assert str(url).startswith("http://127.0.0.1:7777/oauth/consent?")

    shown = ada.read(asked).json()
    decided = ada.decide(asked, "approve").json()
    code = httpx.URL(decided["redirect_url"]).params["code"]
    tokens = redeem(app, client, code).json()

    assert shown["client"] == {"id": client["client_id"], "name": "App"}
    assert (shown["scope"], shown["redirect_uri"]) == ("openid email", BACK)
    assert set(tokens) == {
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "id_token",
    }
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (claims["client_id"], claims["scope"]) == (client["client_id"], "openid email")
    assert claims["amr"][0]["method"] == "oauth_provider/authorization_code"
    told = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (told["aud"], told["nonce"]) == (client["client_id"], "n1")
    user = stack.auth("GET", "/user", token=tokens["access_token"]).json()
    assert user["id"] == claims["sub"] == shown["user"]["id"]


def test_a_code_is_redeemed_once(app, ada):
    client = register(app)
    code = approved(app, ada, client)

    assert redeem(app, client, code).status_code == 200
    again = redeem(app, client, code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_tokens_are_refreshed_by_their_own_client_at_this_endpoint_alone(app, ada, stack):
    client, other = register(app), register(app)
    first = redeem(app, client, approved(app, ada, client)).json()["refresh_token"]

    def refresh(who, token):
        form = {
            "grant_type": "refresh_token",
            "client_id": who["client_id"],
            "refresh_token": token,
        }
        return app.post("/oauth/token", data=form)

    strange = refresh(other, first)
    elsewhere = app.post(
        "/token?grant_type=refresh_token",
        json={"refresh_token": first},
        headers={"apikey": stack.anon_key},
    )
    fresh = refresh(client, first).json()

    assert (strange.status_code, strange.json()["error"]) == (400, "invalid_client")
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (400, "invalid_client")
    assert fresh["refresh_token"] != first
    claims = jwt.decode(fresh["access_token"], options={"verify_signature": False})
    assert claims["client_id"] == client["client_id"]


def test_a_confidential_app_shows_its_secret(app, ada):
    client = register(app, token_endpoint_auth_method="client_secret_basic")
    code = approved(app, ada, client)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}

    wrong = app.post("/oauth/token", data=form, auth=(client["client_id"], "guess"))
    right = app.post("/oauth/token", data=form, auth=(client["client_id"], client["client_secret"]))

    assert wrong.status_code == 400
    assert wrong.json()["error_code"] == "invalid_credentials"
    assert right.status_code == 200


def test_whoever_denies_sends_the_app_away(app, ada):
    asked = consent_page(ask(app, register(app))).params["authorization_id"]
    ada.read(asked)

    url = httpx.URL(ada.decide(asked, "deny").json()["redirect_url"])

    assert (url.params["error"], url.params["state"]) == ("access_denied", "s1")


def test_what_was_consented_to_is_not_asked_again(app, ada):
    client = register(app)
    approved(app, ada, client, scope="email profile")
    again = consent_page(ask(app, client)).params["authorization_id"]
    wider = consent_page(ask(app, client, scope="email phone")).params["authorization_id"]

    assert "code" in httpx.URL(ada.read(again).json()["redirect_url"]).params
    assert ada.read(wider).json()["scope"] == "email phone"


def test_grants_are_listed_and_taken_back(app, ada, stack):
    client = register(app)
    tokens = redeem(app, client, approved(app, ada, client)).json()

    [grant] = ada.http.get("/user/oauth/grants").json()
    gone = ada.http.delete("/user/oauth/grants", params={"client_id": client["client_id"]})
    again = ada.http.delete("/user/oauth/grants", params={"client_id": client["client_id"]})

    assert (grant["client"]["id"], grant["scopes"]) == (client["client_id"], ["email"])
    assert (gone.status_code, again.status_code) == (204, 404)
    with pytest.raises(httpx.HTTPStatusError):
        stack.auth("GET", "/user", token=tokens["access_token"])


def test_another_users_authorization_is_not_there(app, ada, project, stack):
    asked = consent_page(ask(app, register(app))).params["authorization_id"]
    ada.read(asked)
    email = stack.new_account()
    token = stack.auth(
        "POST",
        "/token?grant_type=password",
        json={"email": email, "password": "correct-horse-demo"},
    ).json()["access_token"]
    other = Page(project, token)

    answers = [other.read(asked), other.decide(asked, "approve")]
    other.http.close()

    assert [answer.status_code for answer in answers] == [404, 404]
    assert ada.read(asked).status_code == 200
