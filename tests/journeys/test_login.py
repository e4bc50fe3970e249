"""One's own login on this machine: by password or browser, looked at, used by scripts, ended."""

import re
import socket

import httpx
import pytest
from person import Person

from atoms_mcp.settings import MIN_SECRET_CHARS


@pytest.fixture
def command(start, stack, tmp_path):
    """Run a command to its end, with a state folder of its own."""
    env = stack.env | {"ATOMS_STATE_DIR": str(tmp_path), "BROWSER": "true"}

    def run(*args, code=0):
        process = start(*args, env=env)
        assert process.popen.wait(30) == code, "".join(process.stdout + process.stderr)
        process.stop()
        return "".join(process.stdout) + "".join(process.stderr)

    run.start = lambda *args: start(*args, env=env)
    return run


@pytest.fixture
def signed_in(command):
    """Somebody signed in by the browser."""
    process = command.start("login", "--browser")
    url = process.wait_for(r"Opening (http://\S+)").group(1)
    page = Person("vic@acme.example").sign_in(url)
    assert process.popen.wait(10) == 0
    process.stop()
    return page, "".join(process.stdout)


def test_a_login_by_browser_is_kept_like_any_other(command, signed_in):
    page, told = signed_in

    assert "You are signed in" in page
    assert "as vic@acme.example; kept in" in told
    assert "vic@acme.example at http://127.0.0.1" in command("whoami")


@pytest.mark.usefixtures("signed_in")
def test_a_token_for_scripts_works_at_the_server(command, server):
    token = command("token").strip()

    told = httpx.get(f"{server.url}/auth/status", headers={"Authorization": f"Bearer {token}"})

    assert told.json()["user"]["email"] == "vic@acme.example"


@pytest.mark.usefixtures("signed_in")
def test_after_a_logout_nobody_is_logged_in_and_the_token_is_dead(command, stack):
    token = command("token").strip()

    assert "Signed out vic@acme.example" in command("logout")

    assert "Nobody is logged in" in command("whoami", code=2)
    assert "Nobody is logged in" in command("logout", code=2)
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token}"}
    assert httpx.get(f"{stack.url}/auth/v1/user", headers=headers).status_code == 403


@pytest.mark.usefixtures("signed_in")
def test_a_login_that_was_ended_elsewhere_is_told_as_over(command, stack):
    token = command("token").strip()
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token}"}
    httpx.post(f"{stack.url}/auth/v1/logout?scope=local", headers=headers).raise_for_status()

    assert "is over; run: atoms-mcp login" in command("whoami", code=2)


@pytest.mark.usefixtures("signed_in")
def test_logging_out_of_a_login_that_is_over_is_no_fault(command, stack, tmp_path):
    token = command("token").strip()
    headers = {"apikey": stack.anon_key, "Authorization": f"Bearer {token}"}
    httpx.post(f"{stack.url}/auth/v1/logout?scope=local", headers=headers).raise_for_status()
    kept = tmp_path / "login.json"
    kept.write_text(re.sub(r'"expires_at":\d+', '"expires_at":1', kept.read_text()))

    assert "was over already" in command("logout")
    assert "Nobody is logged in" in command("whoami", code=2)


def test_a_key_that_was_cut_short_is_told_with_what_to_do(command, tmp_path):
    (tmp_path / "secret-key").write_text("")

    assert "secret-key is cut short; remove it" in command("serve", code=2)


def test_a_secret_is_long_enough_and_never_the_same(command):
    one, other = command("secret").strip(), command("secret").strip()

    assert one != other
    assert min(len(one), len(other)) >= MIN_SECRET_CHARS


def test_the_doctor_finds_nothing_wrong_with_our_own_server(command, server):
    told = command("doctor", server.mcp_url)

    assert "Everything is as clients need it." in told
    for subject in (
        "challenge",
        "resource metadata",
        "server metadata",
        "registration",
        "sign-in page",
        "token endpoint",
        "Supabase",
        "signing keys",
        "migrations",
    ):
        assert f"✓ {subject}" in told


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/api/mpc", "Is this the MCP endpoint?"),
        ("/api/mcp/", "Type http://"),
        ("/healthz", "Is this the MCP endpoint?"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_an_address(command, server, place, told):
    said = command("doctor", f"{server.url}{place}", code=1)

    assert "✗" in said
    assert told in said


def test_the_doctor_says_that_nobody_answers(command):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    said = command("doctor", f"http://127.0.0.1:{port}/api/mcp", code=1)

    assert "cannot be reached" in said
    assert "Is the server running, and the URL right?" in said
