"""Parts die and come back: answers say so, and nothing acknowledged is lost."""

import os
import signal
import subprocess
import sys

import httpx
import pytest
import stamina

ADA = "ada@acme.example"
LIST = {"operation": "list", "entity_type": "project"}
RETRIES = {"attempts": 60, "timeout": 20, "wait_initial": 0.1, "wait_max": 0.5, "wait_jitter": 0}


@pytest.fixture
def own(start_stack, start_server, tmp_path):
    """A stack and a server of this test's own, to be broken."""
    stack = start_stack(tmp_path)
    server = start_server(stack, ATOMS_FASTMCP_AUTH_MODE="jwt")
    return stack, server


def recovers(check):
    """Ask again until `check` holds; an outage ends by itself or the test fails."""
    for attempt in stamina.retry_context(on=(AssertionError, httpx.HTTPError), **RETRIES):
        with attempt:
            check()


def test_a_killed_database_is_told_as_unavailable_and_comes_back_by_itself(own):
    stack, server = own
    token = server.login(ADA)["access_token"]

    os.kill(stack.postgres_pid, signal.SIGKILL)
    broken = server.call(token, "entity_tool", **LIST)

    if broken.get("isError"):  # it may be back before the call arrives
        assert broken["structuredContent"]["error"]["code"] == "unavailable"
    recovers(lambda: server.call(token, "entity_tool", **LIST)["structuredContent"]["items"])


def test_without_the_gateway_tools_say_unavailable_and_login_says_503(own, start_stack):
    stack, server = own
    token = server.login(ADA)["access_token"]
    port = stack.url.rpartition(":")[2]
    server.call(token, "entity_tool", **LIST)
    stack.process.stop()

    broken = server.call(token, "entity_tool", **LIST)
    login = httpx.post(f"{server.url}/auth/login", json={"email": ADA, "password": "x"})

    assert broken["isError"]
    assert broken["structuredContent"]["error"]["code"] == "unavailable"
    assert login.status_code == 503
    assert login.json()["error"] == "supabase_down"

    start_stack(stack.state_dir, ATOMS_LOCAL_PORT=port)
    recovers(lambda: server.call(token, "entity_tool", **LIST)["structuredContent"]["items"])


def test_a_killed_gateway_leaves_a_database_that_the_next_start_takes_over(own, start_stack):
    stack, server = own
    token = server.login(ADA)["access_token"]
    port = stack.url.rpartition(":")[2]

    stack.process.popen.kill()
    stack.process.popen.wait(5)
    again = start_stack(stack.state_dir, ATOMS_LOCAL_PORT=port)

    assert again.postgres_pid == stack.postgres_pid
    recovers(lambda: server.call(token, "entity_tool", **LIST)["structuredContent"]["items"])


WRITER = """
import sys, httpx
url, token = sys.argv[1:]
for n in range(10_000):
    answer = httpx.post(url, headers={"Authorization": f"Bearer {token}"}, json={
        "tool": "entity_tool", "arguments": {"operation": "create", "entity_type": "requirement",
        "parent": "VEH-DOC-1", "data": {"title": f"Write {n}"}}}).json()
    print(answer["structuredContent"]["item"]["key"], flush=True)
"""


def test_killing_the_server_in_the_middle_of_writes_loses_no_acknowledged_one(own, start_server):
    stack, server = own
    token = server.login(ADA)["access_token"]
    writer = subprocess.Popen(  # noqa: S603 - our own text
        [sys.executable, "-c", WRITER, f"{server.mcp_url}/tools/call", token],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    acknowledged = [writer.stdout.readline().strip() for _ in range(20)]
    server.process.popen.kill()
    rest, _ = writer.communicate(timeout=10)
    acknowledged += rest.split()

    after = start_server(stack)
    found = [
        after.call(token, "entity_tool", operation="read", entity_type="requirement", entity_id=key)
        for key in acknowledged
    ]

    assert all(result["structuredContent"]["ok"] for result in found)
