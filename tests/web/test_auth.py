import json

import pytest
from supabase_double import FAULTS, answering, refusal
from web_double import assert_problem

TOKEN = "/auth/v1/token"
USER = "/auth/v1/user"
GOOD = {"email": "ada@acme.example", "password": "correct-horse-demo"}


def refusing(status, code):
    async def refuse(_request):
        return refusal(status, code)

    return refuse


async def test_a_login_gives_the_real_token_in_the_fixed_shape(supabase, web, lines):
    answer = await web.ask("POST", "/auth/login", json=GOOD)

    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert list(answer.told) == [
        "access_token",
        "token_type",
        "message",
        "expires_in",
        "expires_at",
        "refresh_token",
        "user",
    ]
    assert answer.told["token_type"] == "bearer"
    assert answer.told["message"] == "Login successful"
    assert answer.told["expires_in"] == 3600
    assert answer.told["user"] == {"id": supabase.user_id, "email": supabase.email}
    assert lines[-1]["user_id"] == supabase.user_id
    called = await web.call("whoami", token=answer.told["access_token"])
    assert called.told["structuredContent"]["user_id"] == supabase.user_id


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(json.dumps(GOOD), "application/json; charset=utf-8", id="charset"),
        pytest.param(
            json.dumps({"username": GOOD["email"], "password": GOOD["password"]}),
            "application/json",
            id="username",
        ),
        pytest.param(
            "email=ada%40acme.example&password=correct-horse-demo",
            "application/x-www-form-urlencoded",
            id="form",
        ),
        pytest.param(
            "username=ada@acme.example&password=correct-horse-demo",
            "application/x-www-form-urlencoded",
            id="form-username",
        ),
    ],
)
async def test_a_login_may_come_in_other_forms(web, body, content_type):
    answer = await web.ask("POST", "/auth/login", data=body, headers={"Content-Type": content_type})

    assert answer.status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param({}, "email is missing", id="nothing"),
        pytest.param({"email": "a@b.c"}, "password is missing", id="no-password"),
        pytest.param({"password": "x"}, "email is missing", id="no-email"),
        pytest.param({**GOOD, "email": 7}, "email must be text", id="number"),
        pytest.param({**GOOD, "email": ["a@b.c"]}, "email must be text", id="list"),
        pytest.param({**GOOD, "email": "ada"}, "email is not an email address", id="no-at"),
        pytest.param({**GOOD, "password": ""}, "password is empty", id="empty"),
        pytest.param({**GOOD, "password": None}, "password is missing", id="null"),
        pytest.param({**GOOD, "password": "a\0b"}, "password has characters", id="nul"),
        pytest.param({**GOOD, "password": "x" * 1025}, "password is longer", id="long"),
        pytest.param({**GOOD, "captcha_token": 7}, "captcha_token must be text", id="captcha"),
        pytest.param({**GOOD, "role": "admin"}, 'Unknown field "role"', id="unknown"),
        pytest.param({**GOOD, "username": "x@y.z"}, "send one of them", id="both"),
        pytest.param({**GOOD, "é\n": 1}, 'Unknown field "?"', id="odd-name"),
        pytest.param([GOOD], "not a JSON object", id="list-of-it"),
        pytest.param("x", "not a JSON object", id="text"),
    ],
)
async def test_a_malformed_login_says_which_field_and_costs_no_call(supabase, web, body, words):
    answer = await web.ask("POST", "/auth/login", json=body)

    assert words in assert_problem(answer, 400, "malformed")
    assert supabase.seen == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"{", "application/json", id="bad-json"),
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b'{"email":"\\ud800@b.c","password":"x"}', "application/json", id="surrogate"),
        pytest.param(b'{"email":"a@b.c","password":"\xff"}', "application/json", id="no-utf8"),
        pytest.param(b"email=a&email=b", "application/x-www-form-urlencoded", id="twice"),
        pytest.param(b"email=%ff", "application/x-www-form-urlencoded", id="form-no-utf8"),
        pytest.param(b"a=1&" * 40, "application/x-www-form-urlencoded", id="many"),
    ],
)
async def test_a_body_that_cannot_be_read_is_malformed(supabase, web, body, content_type):
    answer = await web.ask("POST", "/auth/login", data=body, headers={"Content-Type": content_type})

    assert_problem(answer, 400, "malformed")
    assert supabase.seen == []


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", "application/xml"])
async def test_other_media_types_are_not_taken(web, content_type):
    answer = await web.ask(
        "POST", "/auth/login", data=json.dumps(GOOD), headers={"Content-Type": content_type}
    )

    assert_problem(answer, 415, "unsupported_media_type")


async def test_a_login_without_a_body_is_not_taken(web):
    assert_problem(await web.ask("POST", "/auth/login"), 415, "unsupported_media_type")


async def test_an_unknown_user_and_a_wrong_password_get_one_answer(web):
    told = []
    for wrong in ({**GOOD, "email": "nobody@acme.example"}, {**GOOD, "password": "wrong"}):
        answer = await web.ask("POST", "/auth/login", json=wrong)
        assert_problem(answer, 401, "invalid_credentials")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        for own in ("date", "x-request-id"):
            del headers[own]
        told.append((answer.told, headers))

    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("email_not_confirmed", 403, "email_not_confirmed"),
        ("user_banned", 403, "user_banned"),
        ("captcha_failed", 403, "captcha_failed"),
    ],
)
async def test_refusals_of_supabase_are_explained(supabase, web, code, status, error):
    supabase.faults[TOKEN] = refusing(400, code)

    assert_problem(await web.ask("POST", "/auth/login", json=GOOD), status, error)


@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh"])
@pytest.mark.parametrize("name", FAULTS)
async def test_what_supabase_breaks_is_said_to_be_so(supabase, web, path, name):
    fault, kind = FAULTS[name]
    supabase.faults[TOKEN] = fault
    body = GOOD if path == "/auth/login" else {"refresh_token": "refresh0"}

    answer = await web.ask("POST", path, json=body)

    status, error = {
        "wrong": (502, "supabase_wrong"),
        "down": (503, "supabase_down"),
        "slow": (504, "supabase_slow"),
        "busy": (429, "supabase_busy"),
    }[kind]
    assert_problem(answer, status, error)
    assert int(answer.headers["Retry-After"]) >= 1


async def test_failures_have_to_wait(web, supabase):
    for _ in range(10):
        await web.ask("POST", "/auth/login", json={**GOOD, "password": "wrong"})
    supabase.seen.clear()

    answer = await web.ask("POST", "/auth/login", json={**GOOD, "email": "ADA@acme.example"})

    assert_problem(answer, 429, "too_many_failures")
    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    assert supabase.seen == []


async def test_a_forwarded_address_does_not_help(web):
    statuses = []
    for number in range(25):
        answer = await web.ask(
            "POST",
            "/auth/login",
            json={"email": f"user{number}@acme.example", "password": "x"},
            headers={"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"},
        )
        statuses.append(answer.status)

    assert statuses == [401] * 20 + [429] * 5


async def test_behind_a_trusted_proxy_each_client_has_failures_of_its_own(make_web):
    web = await make_web(ATOMS_TRUSTED_PROXIES="127.0.0.0/8")
    statuses = {}
    for number in range(21):
        for client in ("192.0.2.1", f"198.51.100.{number}"):
            answer = await web.ask(
                "POST",
                "/auth/login",
                json={"email": f"{client}-{number}@acme.example", "password": "x"},
                # What the client itself claims stands left of what the proxy saw.
                headers={"X-Forwarded-For": f"203.0.113.{number}, {client}"},
            )
            statuses.setdefault(client == "192.0.2.1", []).append(answer.status)

    assert statuses == {True: [401] * 20 + [429], False: [401] * 21}


async def test_a_refresh_token_renews_the_session(supabase, web):
    answer = await web.ask("POST", "/auth/refresh", json={"refresh_token": "refresh0"})

    assert answer.status == 200
    assert answer.told["refresh_token"] == "refresh1"
    assert answer.told["user"]["id"] == supabase.user_id
    assert set(answer.told) >= {"access_token", "token_type", "expires_in", "expires_at"}

    again = await web.ask("POST", "/auth/refresh", json={"refresh_token": "refresh0"})
    assert_problem(again, 401, "session_over")


@pytest.mark.parametrize("body", [{}, {"refresh_token": 7}, {"refresh_token": "a", "x": 1}])
async def test_a_malformed_refresh_costs_no_call(supabase, web, body):
    assert_problem(await web.ask("POST", "/auth/refresh", json=body), 400, "malformed")
    assert supabase.seen == []


@pytest.mark.parametrize("session_id", ["session-1", ...])
async def test_a_logout_ends_the_session_at_once(supabase, web, session_id):
    token = supabase.token(session_id=session_id)
    await web.call("whoami", token=token)

    answer = await web.ask("POST", "/auth/logout", token=token)

    assert answer.status == 200
    assert answer.told == {"message": "Logout successful"}
    out = next(seen for seen in supabase.seen if seen.path == "/auth/v1/logout")
    assert out.query["scope"] == "local"
    supabase.faults[USER] = refusing(403, "session_not_found")
    assert_problem(await web.call("whoami", token=token), 401, "invalid_token")


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_logout_of_what_is_over_is_well(supabase, web, status):
    supabase.faults["/auth/v1/logout"] = refusing(status, "session_not_found")

    assert (await web.ask("POST", "/auth/logout", token=supabase.token(), json={})).status == 200


@pytest.mark.parametrize(("status", "told"), [(400, 502), (503, 503), (500, 502)])
async def test_a_logout_that_failed_says_so(supabase, web, status, told):
    supabase.faults["/auth/v1/logout"] = refusing(status, "x")

    assert (await web.ask("POST", "/auth/logout", token=supabase.token())).status == told


async def test_a_logout_takes_no_fields_and_needs_a_token(supabase, web):
    odd = await web.ask("POST", "/auth/logout", token=supabase.token(), json={"scope": "global"})
    assert_problem(odd, 400, "malformed")

    assert_problem(await web.ask("POST", "/auth/logout"), 401, "unauthenticated")


@pytest.mark.parametrize("mode", ["simple", "bearer", "jwt"])
async def test_the_status_tells_who_one_is(supabase, make_web, mode):
    web = await make_web(ATOMS_FASTMCP_AUTH_MODE=mode)

    answer = await web.ask("GET", "/auth/status", token=supabase.token())

    assert answer.status == 200
    assert answer.told["authenticated"] is True
    assert answer.told["mode"] == mode
    assert answer.told["user"]["id"] == supabase.user_id
    assert answer.told["user"]["email"] == supabase.email
    assert isinstance(answer.told["expires_at"], int)


async def test_the_status_without_a_good_token_gives_the_reason(supabase, web):
    cases = [
        ({}, "no token"),
        ({"Authorization": "Basic eA=="}, "no token"),
        ({"Authorization": "Bearer x"}, "not a token of this project"),
        ({"Authorization": f"Bearer {supabase.token(exp=1)}"}, "expired"),
    ]
    for headers, reason in cases:
        answer = await web.ask("GET", "/auth/status", headers=headers)
        assert answer.status == 200
        assert answer.told["authenticated"] is False
        assert answer.told["reason"] == reason


async def test_the_status_when_nobody_can_tell_is_no_no(supabase, web):
    supabase.faults[USER] = answering(503)

    answer = await web.ask("GET", "/auth/status", token=supabase.token())

    assert_problem(answer, 503, "supabase_down")


@pytest.mark.parametrize(("status", "says_so"), [("verified", True), ("unverified", False)])
async def test_a_login_without_the_second_factor_of_its_account_says_so(
    supabase, web, status, says_so
):
    supabase.enroll(status=status)

    answer = await web.ask("POST", "/auth/login", json=GOOD)

    assert answer.status == 200
    assert answer.told["access_token"]
    assert ("second factor" in answer.told["message"]) is says_so


async def test_garbage_for_refresh_tokens_is_soon_refused_without_asking_supabase(supabase, web):
    answers = [
        await web.ask("POST", "/auth/refresh", json={"refresh_token": f"garbage-{n}"})
        for n in range(12)
    ]

    assert [answer.status for answer in answers[:10]] == [401] * 10
    assert {answer.status for answer in answers[10:]} == {429}
    assert supabase.count("/auth/v1/token") == 10
