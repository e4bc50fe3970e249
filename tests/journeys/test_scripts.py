"""The scripts that the README shows, against the real server."""

import json
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
PASSWORD = "correct-horse-demo"
LIST_PROJECTS = json.dumps({"operation": "list", "entity_type": "project"})


def run(*command, stdin=""):
    return subprocess.run(  # noqa: S603 - our own scripts
        command, input=stdin, capture_output=True, text=True, check=False, timeout=30
    )


def test_the_walk_by_curl_shows_what_it_promises(server):
    done = run(str(SCRIPTS / "demo.sh"), server.url)

    assert done.returncode == 0, done.stderr
    parts = dict(part.split("\n", 1) for part in done.stdout.split("\n== ")[1:])
    assert '"authenticated":true' in parts["Who am I?"].replace(" ", "")
    assert '"key":"VEH"' in parts["List the projects"]
    assert '"key":"VEH-REQ-' in parts["Create a requirement"]
    assert "HTTP 401" in parts["A wrong password"]
    assert "HTTP/1.1 401" in parts["An expired token"]
    assert 'error="invalid_token"' in parts["An expired token"]


@pytest.fixture
def client(server):
    def call(email, tool, arguments, password=PASSWORD):
        script = str(SCRIPTS / "client.mjs")
        return run("node", script, server.url, email, tool, arguments, stdin=password)

    return call


def test_the_javascript_client_signs_in_and_calls_a_tool(client):
    done = client("ada@acme.example", "entity_tool", LIST_PROJECTS)

    assert done.returncode == 0, done.stderr
    assert "VEH" in [item["key"] for item in json.loads(done.stdout)["items"]]


def test_the_javascript_client_says_what_was_wrong_with_the_password(client):
    done = client("ada@acme.example", "entity_tool", LIST_PROJECTS, password="wrong")

    assert done.returncode == 1
    assert "password" in done.stderr.lower()


def test_the_javascript_client_throws_what_a_tool_reports(client):
    wrong = json.dumps({"operation": "list", "entity_type": "projekt"})

    done = client("ada@acme.example", "entity_tool", wrong)

    assert done.returncode == 1
    assert "invalid_argument" in done.stderr
