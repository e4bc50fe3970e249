import asyncio
import base64

import pytest
from grant_world import new_pair
from supabase_double import answering

from atoms_mcp.oauth.authorize import read_request
from atoms_mcp.store.store import StoreDown

CALLBACK = "http://127.0.0.1:3334/callback"
TOKEN = "/oauth/token"
REVOKE = "/oauth/revoke"
UPSTREAM = "/auth/v1/token"


class App:
    """A client of the server, with a user who agrees to whatever it asks for."""

    def __init__(self, web):
        self.web = web
        self.client_id = self.secret = None
        self.browser = None

    async def register(self, **more):
        answer = await self.web.ask(
            "POST", "/oauth/register", json={"redirect_uris": [CALLBACK], **more}
        )
        assert answer.status == 201
        self.client_id, self.secret = answer.told["client_id"], answer.told.get("client_secret")
        return self

    async def consent(self, scope=("atoms:read", "atoms:write")):
        """Give the form that redeems a code."""
        web = self.web
        if self.browser is None:
            session = await web.auth.sign_in(web.supabase.email, web.supabase.password)
            self.browser, _cookie = await web.browsers.start(session)
        verifier, challenge = new_pair()
        pairs = [
            ("response_type", "code"),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
        site = web.sites.canonical
        client = await web.clients.find(self.client_id)
        request = read_request(pairs, client, CALLBACK, site.resource)
        code = await web.grants.issue_code(request, scope, self.browser, site.issuer)
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": verifier,
            "client_id": self.client_id,
        }

    async def connect(self, **more):
        answer = await self.web.ask("POST", TOKEN, data=await self.consent(**more))
        assert answer.status == 200, answer.told
        return answer.told

    def refreshing(self, tokens, **more):
        return {
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": self.client_id,
            **more,
        }


@pytest.fixture
async def app(web):
    return await App(web).register()


def assert_refused(answer, error="invalid_grant", status=400):
    """Check the one shape of OAuth errors, and give its description."""
    assert answer.status == status, answer.told
    assert list(answer.told) == ["error", "error_description"]
    assert answer.told["error"] == error
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.content_type == "application/json"
    return answer.told["error_description"]


async def test_from_registration_to_revocation(web, app):
    first = await web.ask("POST", TOKEN, data=await app.consent())
    assert first.status == 200
    assert first.headers["Cache-Control"] == "no-store"
    assert first.headers["Pragma"] == "no-cache"
    assert list(first.told) == [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
    ]
    assert first.told["token_type"] == "Bearer"
    assert 3590 <= first.told["expires_in"] <= 3600
    assert first.told["scope"] == "atoms:read atoms:write"
    told = await web.call("whoami", token=first.told["access_token"])
    assert told.told["structuredContent"]["email"] == web.supabase.email

    second = await web.ask("POST", TOKEN, data=app.refreshing(first.told))
    assert second.status == 200
    access = second.told["access_token"]
    assert (await web.call("writes", token=access)).status == 200

    form = {"token": second.told["refresh_token"], "client_id": app.client_id}
    for _ in range(2):
        answer = await web.ask("POST", REVOKE, data=form)
        assert (answer.status, answer.told) == (200, b"")
        assert answer.headers["Cache-Control"] == "no-store"
    assert (await web.call("whoami", token=access)).status == 401
    assert_refused(await web.ask("POST", TOKEN, data=app.refreshing(second.told)))


@pytest.mark.requirement("auth-passthrough")
async def test_the_projects_own_token_goes_upstream_and_not_the_clients(web, app):
    access = (await app.connect())["access_token"]
    await web.call("rows", token=access)

    sent = web.supabase.seen[-1].headers["Authorization"].removeprefix("Bearer ")
    assert sent == web.access.open(access).jwt
    assert all(access not in str(seen.headers) for seen in web.supabase.seen)


async def test_reading_is_not_writing(web, app):
    access = (await app.connect(scope=("atoms:read",)))["access_token"]

    assert (await web.call("whoami", token=access)).status == 200
    answer = await web.call("writes", token=access)
    assert answer.status == 403
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope", scope="atoms:read atoms:write"' in challenge


async def test_the_argument_may_repeat_the_header_and_nothing_else(web, app):
    access = (await app.connect())["access_token"]
    same = await web.call("whoami", token=access, auth_token=access)
    assert same.status == 200
    inner = web.access.open(access).jwt
    assert (await web.call("whoami", token=access, auth_token=inner)).status == 401
    assert (await web.call("whoami", auth_token=access)).status == 200


@pytest.mark.parametrize(
    ("method", "as_basic"),
    [("client_secret_post", False), ("client_secret_basic", True), ("client_secret_post", True)],
)
async def test_a_client_with_a_secret_proves_itself(web, method, as_basic):
    app = await App(web).register(token_endpoint_auth_method=method)

    def proven(form, secret):
        if not as_basic:
            return {"data": {**form, "client_secret": secret}}
        pair = base64.b64encode(f"{app.client_id}:{secret}".encode()).decode()
        return {"data": form, "headers": {"Authorization": f"Basic {pair}"}}

    form = await app.consent()
    assert_refused(await web.ask("POST", TOKEN, data=form), "invalid_client", 401)
    wrong = await web.ask("POST", TOKEN, **proven(form, "wrong"))
    assert_refused(wrong, "invalid_client", 401)
    assert ("WWW-Authenticate" in wrong.headers) is as_basic
    tokens = (await web.ask("POST", TOKEN, **proven(form, app.secret))).told
    refreshing = app.refreshing(tokens)
    assert_refused(await web.ask("POST", TOKEN, data=refreshing), "invalid_client", 401)
    assert (await web.ask("POST", TOKEN, **proven(refreshing, app.secret))).status == 200
    revoking = {"token": tokens["access_token"], "client_id": app.client_id}
    assert_refused(await web.ask("POST", REVOKE, data=revoking), "invalid_client", 401)
    assert (await web.ask("POST", REVOKE, **proven(revoking, app.secret))).status == 200


CODE_FORM = ("grant_type", "code", "redirect_uri", "code_verifier", "client_id")
REFRESH_FORM = ("grant_type", "refresh_token", "client_id")
LONG = "x" * 20_000


@pytest.mark.parametrize("name", CODE_FORM)
@pytest.mark.parametrize("kind", ["missing", "empty", "doubled", "malformed"])
async def test_each_parameter_of_a_code_has_to_be_right(web, app, name, kind):
    form = await app.consent()

    answer = await web.ask("POST", TOKEN, data=spoil(form, name, kind))

    error, status = expected(name, kind)
    assert_refused(answer, error, status)
    assert (await web.ask("POST", TOKEN, data=form)).status == 200


@pytest.mark.parametrize("name", REFRESH_FORM)
@pytest.mark.parametrize("kind", ["missing", "empty", "doubled", "malformed"])
async def test_each_parameter_of_a_refresh_has_to_be_right(web, app, name, kind):
    form = app.refreshing(await app.connect())

    answer = await web.ask("POST", TOKEN, data=spoil(form, name, kind))

    error, status = expected(name, kind)
    assert_refused(answer, error, status)
    assert (await web.ask("POST", TOKEN, data=form)).status == 200


@pytest.mark.parametrize("name", ["token", "client_id"])
@pytest.mark.parametrize("kind", ["missing", "empty", "doubled", "malformed"])
async def test_each_parameter_of_a_revocation_has_to_be_right(web, app, name, kind):
    tokens = await app.connect()
    form = {"token": tokens["access_token"], "client_id": app.client_id}

    answer = await web.ask("POST", REVOKE, data=spoil(form, name, kind))

    if (name, kind) == ("token", "malformed"):
        assert answer.status == 200
    else:
        assert_refused(answer, *expected(name, kind))
    assert (await web.ask("POST", TOKEN, data=app.refreshing(tokens))).status == 200


def spoil(form, name, kind):
    """Give the form as pairs, with one of its parameters spoiled."""
    rest = [(key, value) for key, value in form.items() if key != name]
    return {
        "missing": rest,
        "empty": [*rest, (name, "")],
        "doubled": [*form.items(), (name, form[name])],
        "malformed": [*rest, (name, "a.b.c.d.e\x00\u2028")],
    }[kind]


def expected(name, kind):
    if kind == "malformed":
        return {
            "grant_type": ("unsupported_grant_type", 400),
            "client_id": ("invalid_client", 401),
        }.get(name, ("invalid_grant", 400))
    if name == "redirect_uri" and kind != "doubled":
        return "invalid_grant", 400
    return "invalid_request", 400


async def test_what_belongs_to_another_client_is_worth_nothing(web, app):
    other = await App(web).register()
    form = await app.consent()
    for client_id, error, status in (
        (other.client_id, "invalid_grant", 400),
        ("unknown", "invalid_client", 401),
        ("https://127.0.0.1/client.json", "invalid_client", 401),
    ):
        taken = {**form, "client_id": client_id}
        assert_refused(await web.ask("POST", TOKEN, data=taken), error, status)
    tokens = (await web.ask("POST", TOKEN, data=form)).told
    stolen = app.refreshing(tokens, client_id=other.client_id)
    assert_refused(await web.ask("POST", TOKEN, data=stolen))
    for token in ("access_token", "refresh_token"):
        revoking = {"token": tokens[token], "client_id": other.client_id}
        assert_refused(await web.ask("POST", REVOKE, data=revoking))
    assert (await web.call("whoami", token=tokens["access_token"])).status == 200


async def test_one_thing_is_not_taken_for_another(web, app):
    form = await app.consent()
    tokens = (await web.ask("POST", TOKEN, data=form)).told
    _browser, cookie = await web.browsers.start(await sign_in(web))
    sealed = {
        "code": form["code"],
        "access": tokens["access_token"],
        "refresh": tokens["refresh_token"],
        "client": app.client_id,
        "cookie": cookie,
    }
    for kind, text in sealed.items():
        if kind != "access":
            assert (await web.call("whoami", token=text)).status == 401, kind
        if kind != "refresh":
            form = app.refreshing({"refresh_token": text})
            assert_refused(await web.ask("POST", TOKEN, data=form))
        if kind != "code":
            form = {**await app.consent(), "code": text}
            assert_refused(await web.ask("POST", TOKEN, data=form))


async def sign_in(web):
    return await web.auth.sign_in(web.supabase.email, web.supabase.password)


@pytest.mark.requirement("auth-resource-parameter")
async def test_a_resource_that_is_not_ours_is_refused(web, app):
    form = await app.consent()
    evil = "https://evil.example/mcp"
    assert_refused(await web.ask("POST", TOKEN, data={**form, "resource": evil}), "invalid_target")
    both = [*form.items(), ("resource", f"{web.url}/api/mcp"), ("resource", evil)]
    assert_refused(await web.ask("POST", TOKEN, data=both), "invalid_target")
    mine = {**form, "resource": f"{web.url}/api/mcp"}
    tokens = (await web.ask("POST", TOKEN, data=mine)).told
    again = app.refreshing(tokens, resource=evil)
    assert_refused(await web.ask("POST", TOKEN, data=again), "invalid_target")


async def test_a_refresh_narrows_and_never_widens(web, app):
    tokens = await app.connect(scope=("atoms:read",))

    wider = await web.ask("POST", TOKEN, data=app.refreshing(tokens, scope="atoms:write"))
    assert_refused(wider, "invalid_scope")
    form = app.refreshing(tokens, scope="openid atoms:read")
    assert (await web.ask("POST", TOKEN, data=form)).told["scope"] == "atoms:read"


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
async def test_only_forms_are_taken(web, path):
    for headers, data in (
        ({"Content-Type": "application/json"}, b'{"grant_type": "refresh_token"}'),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"\xff\xfe=1"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"&".join([b"a=1"] * 100)),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b""),
        ({}, b""),
    ):
        answer = await web.ask("POST", path, headers=headers, data=data)
        assert_refused(answer, "invalid_request")


async def test_parameters_in_the_address_are_none(web, app):
    form = await app.consent()
    answer = await web.ask("POST", TOKEN, params=form, data=b"")

    assert_refused(answer, "invalid_request")


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
async def test_too_much_is_refused_early(web, path):
    answer = await web.ask("POST", path, data={"token": LONG})

    assert_refused(answer, "invalid_request", 413)


async def test_two_headers_prove_nothing(web, app):
    form = await app.consent()
    pairs = [("Authorization", "Basic eDp5"), ("Authorization", "Basic eDp6")]
    answer = await web.client.post(TOKEN, data=form, headers=pairs)

    assert answer.status == 400
    assert (await answer.json())["error"] == "invalid_request"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
async def test_an_outage_of_supabase_is_no_fault_of_the_grant(supabase, web, app, status):
    tokens = await app.connect()
    supabase.faults[UPSTREAM] = answering(status, b"{}", Retry_After="7")
    answer = await web.ask("POST", TOKEN, data=app.refreshing(tokens))

    assert_refused(answer, "temporarily_unavailable", 503)
    assert answer.headers["Retry-After"] == "7"
    supabase.faults.clear()
    assert (await web.ask("POST", TOKEN, data=app.refreshing(tokens))).status == 200


async def test_a_store_that_is_down_is_no_fault_of_the_grant(web, app, monkeypatch):
    form = await app.consent()
    tokens = await app.connect()

    async def fail(*_args):
        raise StoreDown("down")

    with monkeypatch.context() as patch:
        for name in ("get", "put", "mark", "is_marked", "take_once", "delete"):
            patch.setattr(web.store, name, fail)
        revoking = {"token": tokens["refresh_token"], "client_id": app.client_id}
        for path, data in (
            (TOKEN, form),
            (TOKEN, app.refreshing(tokens)),
            (REVOKE, revoking),
        ):
            answer = await web.ask("POST", path, data=data)
            assert_refused(answer, "temporarily_unavailable", 503)
            assert answer.headers["Retry-After"] == "5"
        answer = await web.call("whoami", token=tokens["access_token"])
        assert (answer.status, answer.told["error"]) == (503, "store_down")
        assert answer.headers["Retry-After"] == "5"
    assert (await web.ask("POST", TOKEN, data=form)).status == 200
    assert (await web.call("whoami", token=tokens["access_token"])).status == 200


async def test_a_session_that_is_over_is_a_grant_that_is_over(supabase, web, app):
    tokens = await app.connect()
    supabase.refresh_token = "refresh77"

    assert_refused(await web.ask("POST", TOKEN, data=app.refreshing(tokens)))


@pytest.mark.requirement("auth-code-once")
async def test_a_code_used_twice_ends_what_it_gave(web, app):
    form = await app.consent()
    answers = await asyncio.gather(*(web.ask("POST", TOKEN, data=form) for _ in range(5)))

    given = [answer.told for answer in answers if answer.status == 200]
    assert len(given) <= 1
    for tokens in given:
        assert (await web.call("whoami", token=tokens["access_token"])).status == 401
        assert_refused(await web.ask("POST", TOKEN, data=app.refreshing(tokens)))


async def test_the_log_tells_what_was_refused_and_no_secret(web, app, lines):
    form = await app.consent()
    tokens = (await web.ask("POST", TOKEN, data=form)).told
    await web.ask("POST", TOKEN, data=form)

    assert [line["error_code"] for line in lines if "error_code" in line] == ["invalid_grant"]
    assert web.supabase.user_id in {line.get("user_id") for line in lines}
    secrets = [form["code"], form["code_verifier"], "refresh1"]
    secrets += [tokens["access_token"], tokens["refresh_token"]]
    assert not any(secret in str(lines) for secret in secrets)


@pytest.mark.requirement("auth-audience")
async def test_a_token_of_another_server_with_the_same_key_is_refused(make_web):
    here = await make_web()
    there = await make_web()
    tokens = await (await App(there).register()).connect()

    answer = await here.call("whoami", token=tokens["access_token"])

    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_each_name_of_the_server_takes_the_tokens_of_the_others(web, app):
    access = (await app.connect())["access_token"]

    answer = await web.call("whoami", token=access, headers={"Host": f"localhost:{web.port}"})
    assert answer.status == 200


async def test_only_sealed_tokens_where_no_others_are_taken(supabase, make_web):
    web = await make_web(ATOMS_ACCEPT_SUPABASE_JWT="off")
    access = (await (await App(web).register()).connect())["access_token"]

    assert (await web.call("whoami", token=access)).status == 200
    refused = await web.call("whoami", token=supabase.token())
    assert refused.status == 401
    assert "not taken here" in refused.told["message"]
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    for path in ("/auth/login", "/auth/refresh"):
        answer = await web.ask("POST", path, json={})
        assert (answer.status, answer.told["error"]) == (403, "supabase_tokens_off")
        assert f"{web.url}/api/mcp" in answer.told["hint"]


async def test_logging_out_by_a_sealed_token_ends_its_grant_alone(supabase, web, app):
    mine = await app.connect()
    others = await app.connect()

    answer = await web.ask("POST", "/auth/logout", token=mine["access_token"])

    assert answer.told == {"message": "Logout successful"}
    assert (await web.call("whoami", token=mine["access_token"])).status == 401
    assert (await web.call("whoami", token=others["access_token"])).status == 200
    assert supabase.ended == set()


async def test_a_sealed_token_that_expired_upstream_is_verified_anew(supabase, web, app):
    access = (await app.connect())["access_token"]
    await web.call("whoami", token=access)
    supabase.faults["/rest/v1/items"] = answering(401, b'{"code":"PGRST303","message":"expired"}')
    assert (await web.call("rows", token=access)).status == 401
    assert web.verifier.get_remembered(access) is None
