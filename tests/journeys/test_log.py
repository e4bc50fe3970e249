"""The log of a busy run can be handed to anyone."""

import json
import socket

import httpx


def test_no_token_or_password_of_a_busy_run_is_in_its_log(start_server, stack):
    server = start_server(stack, ATOMS_LOG_LEVEL="debug")
    session = server.login("ada@acme.example")
    bob = server.login("bob@umbrella.example")
    secrets = [
        session["access_token"],
        session["refresh_token"],
        bob["access_token"],
        bob["refresh_token"],
        "correct-horse-demo",
        "not-the-password-of-ada",
        stack.anon_key,
    ]
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    httpx.post(
        f"{server.url}/auth/login",
        json={"email": "ada@acme.example", "password": "not-the-password-of-ada"},
    )
    server.call(session["access_token"], "entity_tool", operation="list", entity_type="project")
    httpx.post(
        f"{server.mcp_url}/tools/call",
        json={
            "tool": "entity_tool",
            "arguments": {
                "auth_token": bob["access_token"],
                "operation": "list",
                "entity_type": "project",
            },
        },
    )
    httpx.get(f"{server.mcp_url}?access_token={session['access_token']}", headers=bearer)
    httpx.get(f"{server.url}/auth/status", headers=bearer)
    httpx.get(f"{server.url}/auth/status", headers={"Authorization": "Bearer not-a-token"})
    refreshed = httpx.post(
        f"{server.url}/auth/refresh", json={"refresh_token": session["refresh_token"]}
    ).json()
    secrets += [refreshed["access_token"], refreshed["refresh_token"]]
    httpx.post(
        f"{server.url}/auth/logout",
        headers={"Authorization": f"Bearer {refreshed['access_token']}"},
    )
    server.process.stop()

    log = "".join(server.process.stdout + server.process.stderr)
    lines = [json.loads(line) for line in server.process.stderr]

    assert [line for line in lines if line["event"] == "request.done"]
    for secret in secrets:
        assert secret not in log
        # Nor its payload alone: the middle of a JWT says who it is for.
        assert max(secret.split("."), key=len) not in log


def test_each_request_has_one_line_that_says_who_did_what_and_how_it_ended(start_server, stack):
    server = start_server(stack)
    token = server.login("ada@acme.example")["access_token"]

    answer = httpx.post(
        f"{server.mcp_url}/tools/call",
        headers={"Authorization": f"Bearer {token}", "X-Request-Id": "req-from-a-client"},
        json={
            "tool": "entity_tool",
            "arguments": {"operation": "list", "entity_type": "project"},
        },
    )
    server.process.stop()
    lines = [json.loads(line) for line in server.process.stderr]
    (line,) = [line for line in lines if line.get("request_id") == "req-from-a-client"]

    assert answer.headers["X-Request-Id"] == "req-from-a-client"
    assert line["event"] == "request.done"
    assert line["method"] == "POST"
    assert line["tool"] == "entity_tool"
    assert line["status"] == 200
    assert line["ms"] >= line["upstream_ms"] > 0
    assert len(line["user_id"]) == 36


def test_what_strangers_send_puts_no_error_into_the_log(start_server, stack):
    server = start_server(stack)
    port = int(server.url.rpartition(":")[2])
    heads = [
        "POST /auth/login HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n",
        "POST /api/mcp HTTP/1.1\r\nContent-Encoding: deflate\r\nContent-Length: 5\r\n",
        "POST /auth/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 500\r\n",
    ]
    for head in heads:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(f"{head}Host: 127.0.0.1:{port}\r\n\r\nabcde".encode())
            if "gzip" in head:
                connection.recv(4096)
    httpx.get(f"{server.url}/healthz")
    server.process.stop()

    lines = [json.loads(line) for line in server.process.stderr]
    assert {line["level"] for line in lines} == {"info"}
