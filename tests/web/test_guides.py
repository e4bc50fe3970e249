import ast
import json
import shlex

import pytest

from atoms_mcp.web.guides import make_guides

LOCAL = "http://127.0.0.1:8000/api/mcp"
PUBLIC = "https://mcp.example.com/api/mcp"
PLAIN = "http://intranet.example/api/mcp"


def guides(url=LOCAL, *, takes_jwt=True):
    return {guide.id: dict(guide.pastes) for guide in make_guides(url, takes_jwt=takes_jwt)}


def test_each_client_is_there():
    assert list(guides()) == [
        "claude_code",
        "claude",
        "vscode",
        "cursor",
        "inspector",
        "remote",
        "stdio",
        "curl",
        "python",
        "javascript",
    ]


@pytest.mark.parametrize("url", [LOCAL, PUBLIC, PLAIN])
def test_what_is_to_be_pasted_has_the_address_in_it(url):
    found = guides(url)

    assert found["claude_code"]["run"] == f"claude mcp add --transport http atoms {url}"
    assert json.loads(found["vscode"]["file"])["servers"]["atoms"] == {"type": "http", "url": url}
    assert json.loads(found["cursor"]["file"])["mcpServers"]["atoms"] == {"url": url}
    code, flag, server = shlex.split(found["vscode"]["run"])
    assert (code, flag, json.loads(server)["url"]) == ("code", "--add-mcp", url)
    remote = json.loads(found["remote"]["file"])["mcpServers"]["atoms"]
    assert shlex.split(found["remote"]["run"]) == [remote["command"], *remote["args"]]
    assert url in remote["args"]
    assert ast.parse(found["python"]["code"])
    for paste in (found["python"]["code"], found["javascript"]["code"], found["curl"]["call"]):
        assert paste.count(url) == 1


def test_what_a_vendors_network_cannot_reach_is_not_given_to_it():
    assert guides(PUBLIC)["claude"] == {"paste": PUBLIC}
    for url in (LOCAL, PLAIN, "https://localhost/api/mcp"):
        assert guides(url)["claude"] == {}


def test_plain_http_in_a_network_has_to_be_allowed():
    assert "--allow-http" in guides(PLAIN)["remote"]["run"]
    assert "--allow-http" not in guides(LOCAL)["remote"]["run"]
    assert "--allow-http" not in guides(PUBLIC)["remote"]["run"]


def test_without_access_tokens_of_the_project_their_guides_are_left_out():
    assert not {"curl", "python", "javascript"} & set(guides(takes_jwt=False))


def test_no_line_is_too_long_to_be_read():
    lines = [
        line for guide in guides().values() for text in guide.values() for line in text.split("\n")
    ]

    assert max(map(len, lines)) <= 100
