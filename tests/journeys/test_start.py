"""What a newcomer does: start everything, paste what was printed, stop it, start it again."""

import os
import re
import subprocess

import httpx
import pytest

DEADLINE_S = 5


@pytest.fixture
def dev(start):
    """Run `atoms-mcp dev` as scripts/start does, on a free port."""

    def run(state_dir, *args):
        process = start(
            "dev",
            "--port",
            "0",
            "--state-dir",
            str(state_dir),
            *args,
            env={"ATOMS_LOCAL_PORT": "0", "ATOMS_LOCAL_FSYNC": "off"},
        )
        process.wait_for(r"Ctrl-C")
        return process

    return run


def printed_url(process):
    return re.search(r"http://127\.0\.0\.1:\d+/api/mcp", "".join(process.stdout)).group()


def postgres_pid(state_dir):
    pid_file = next(state_dir.rglob("postmaster.pid"))
    return int(pid_file.read_text().splitlines()[0])


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_printed_lines_can_be_pasted_into_a_shell(dev, tmp_path):
    process = dev(tmp_path)
    lines = [line.strip() for line in process.stdout if "curl" in line]

    answer = subprocess.run(  # noqa: S603 - what we printed ourselves
        ["/bin/sh", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_S,
    ).stdout

    assert len(lines) == 2
    assert '"key":"VEH"' in answer
    assert process.stop() == 0


def test_the_demo_accounts_and_their_password_are_printed(dev, tmp_path):
    text = "".join(dev(tmp_path).stdout)

    for account in ("ada@acme.example", "vic@acme.example", "bob@umbrella.example"):
        assert account in text
    assert "correct-horse-demo" in text


def test_ctrl_c_stops_everything_and_a_second_start_finds_the_data(dev, tmp_path):
    first = dev(tmp_path)
    url = printed_url(first)
    pid = postgres_pid(tmp_path)
    credentials = {"email": "ada@acme.example", "password": "correct-horse-demo"}
    origin = url.removesuffix("/api/mcp")
    token = httpx.post(f"{origin}/auth/login", data=credentials).json()["access_token"]
    created = httpx.post(
        f"{url}/tools/call",
        headers={"Authorization": f"Bearer {token}"},
        json={
            "tool": "entity_tool",
            "arguments": {
                "operation": "create",
                "entity_type": "project",
                "parent": "acme",
                "data": {"title": "Kept over a restart", "key": "KEPT"},
            },
        },
    ).json()
    assert created["structuredContent"]["ok"], created

    assert first.stop() == 0
    assert not is_running(pid)

    second = printed_url(dev(tmp_path))
    listed = httpx.post(
        f"{second}/tools/call",
        headers={"Authorization": f"Bearer {token}"},
        json={
            "tool": "entity_tool",
            "arguments": {"operation": "list", "entity_type": "project"},
        },
    ).json()
    assert "KEPT" in [item["key"] for item in listed["structuredContent"]["items"]]


def test_no_demo_leaves_the_accounts_out(dev, tmp_path):
    process = dev(tmp_path, "--no-demo")
    origin = printed_url(process).removesuffix("/api/mcp")

    answer = httpx.post(
        f"{origin}/auth/login",
        json={"email": "ada@acme.example", "password": "correct-horse-demo"},
    )

    assert answer.status_code == 401
    assert "ada@acme.example" not in "".join(process.stdout)


def test_a_second_start_on_the_same_folder_says_where_the_first_one_is(dev, start, tmp_path):
    dev(tmp_path)

    second = start("dev", "--port", "0", "--state-dir", str(tmp_path))

    assert second.popen.wait(DEADLINE_S) == 2
    second.stop()
    assert str(tmp_path) in "".join(second.stderr)
    assert "already" in "".join(second.stderr)
