"""Several servers that share a Redis: limits hold for all of them, and its loss is survived."""

import itertools

import httpx
import pytest
import stamina

ADA = "ada@acme.example"
PASSWORD = "correct-horse-demo"
LIST = {"operation": "list", "entity_type": "project"}
WAIT_S = 20
# What is told of the store may be some seconds old; it has to be back within 25 s.
RETRIES = {"on": AssertionError, "timeout": 25, "attempts": 100, "wait_max": 0.5}
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def replicas(start_server, stack, _redis_server):
    """Two servers behind a proxy of this machine, with limits, one secret and one Redis."""
    _redis_server.start()
    shared = {
        "ATOMS_REDIS_URL": _redis_server.url,
        "ATOMS_SECRET_KEY": "k" * 32,
        "ATOMS_RATE_LIMITS": "on",
        "ATOMS_TRUSTED_PROXIES": "127.0.0.0/8",
        # Fewer than usual, as each failure takes its time to be told.
        "ATOMS_LOGIN_FAILURES_PER_ACCOUNT": "3 per 5 minute",
        "ATOMS_LOGIN_FAILURES_PER_ADDRESS": "5 per 5 minute",
    }
    return [start_server(stack, **shared) for _ in range(2)]


@pytest.fixture(autouse=True)
def _forget(redis_server):
    with redis_server.client() as client:
        client.flushall()


def new_address():
    return f"192.0.2.{next(NUMBERS)}"


def login(server, email, password, address=None):
    return httpx.post(
        f"{server.url}/auth/login",
        json={"email": email, "password": password},
        headers={"X-Forwarded-For": address or new_address()},
        timeout=WAIT_S,
    )


def guess_often(servers, address):
    """Guess at an account after another from one address; give the statuses."""
    answers = (
        login(servers[n % len(servers)], f"nobody{n}@acme.example", "x", address) for n in range(7)
    )
    return [answer.status_code for answer in answers]


def read_checks(server):
    return httpx.get(f"{server.url}/readyz", timeout=WAIT_S).json()["checks"]


def test_an_account_has_to_wait_at_every_replica_whatever_address_and_spelling(replicas):
    vic = "vic@acme.example"
    token = login(replicas[0], vic, PASSWORD).json()["access_token"]
    statuses = [login(replicas[n % 2], vic, "wrong").status_code for n in range(3)]
    refused = [
        login(server, spelling, PASSWORD)
        for server in replicas
        for spelling in (vic, "VIC@acme.example")
    ]

    assert statuses == [401] * 3
    assert [answer.status_code for answer in refused] == [429] * 4
    assert all(1 <= int(answer.headers["Retry-After"]) <= 300 for answer in refused)
    # Whoever is signed in goes on, and others sign in.
    assert replicas[0].call(token, "entity_tool", **LIST)["structuredContent"]["items"]
    assert login(replicas[1], ADA, PASSWORD).status_code == 200


def test_an_address_has_to_wait_at_every_replica_whatever_the_account(replicas):
    address = new_address()

    assert guess_often(replicas, address) == [401] * 5 + [429] * 2
    assert login(replicas[0], ADA, PASSWORD, address).status_code == 429
    assert login(replicas[0], ADA, PASSWORD).status_code == 200


def test_without_redis_what_is_verified_goes_on_and_all_is_well_again_by_itself(
    replicas, redis_server
):
    server = replicas[0]
    token = login(server, ADA, PASSWORD).json()["access_token"]
    assert read_checks(server)["store"] == "ok"
    redis_server.stop()

    assert server.call(token, "entity_tool", **LIST)["structuredContent"]["items"]
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    for attempt in stamina.retry_context(**RETRIES):
        with attempt:
            assert read_checks(server)["store"] == "down"
    # Limits are this process's own now, and still there.
    assert guess_often([server], new_address()) == [401] * 5 + [429] * 2
    assert login(server, ADA, PASSWORD).status_code == 200

    redis_server.start()
    for attempt in stamina.retry_context(**RETRIES):
        with attempt:
            assert read_checks(server)["store"] == "ok"
    login(server, "nobody@acme.example", "x")
    with redis_server.client() as client:
        assert client.keys("atoms:limits:*")


def test_a_redis_that_hangs_holds_nobody_up_for_long(replicas, redis_server):
    server = replicas[1]
    token = login(server, ADA, PASSWORD).json()["access_token"]
    redis_server.hang()
    try:
        assert login(server, ADA, PASSWORD).status_code == 200
        assert server.call(token, "entity_tool", **LIST)["structuredContent"]["items"]
    finally:
        redis_server.go_on()


def test_a_url_that_is_none_of_redis_is_told_at_the_start_and_its_password_is_not(start, stack):
    env = {**stack.env, "ATOMS_REDIS_URL": "http://:hunter2@redis.internal"}
    process = start("serve", env=env)

    assert process.popen.wait(WAIT_S) == 2
    process.stop()
    said = "".join(process.stdout + process.stderr)
    assert "ATOMS_REDIS_URL is not a URL like redis://" in said
    assert "hunter2" not in said
