"""The commands as processes: exit codes, messages, and what they leave behind."""

import os
import re
import stat
import subprocess
import sys

from mcp import Client, StdioServerParameters


def test_missing_settings_end_with_code_2_and_one_message_that_lists_all(start):
    process = start("serve", env={"ATOMS_FASTMCP_PORT": "x", "ATOMS_FASTMCP_HOTS": "::"})

    assert process.popen.wait(10) == 2
    process.stop()
    message = "".join(process.stderr)
    assert "NEXT_PUBLIC_SUPABASE_URL is not set" in message
    assert "NEXT_PUBLIC_SUPABASE_ANON_KEY is not set" in message
    assert "ATOMS_FASTMCP_PORT: " in message
    assert "did you mean ATOMS_FASTMCP_HOST?" in message
    assert "Traceback" not in message


def test_without_a_command_a_configured_project_is_served(start, stack):
    process = start(env=stack.env)

    assert process.wait_for(r"ready: (http://127\.0\.0\.1:\d+/api/mcp)")
    assert process.stop() == 0


def test_without_a_command_and_a_project_there_is_help(start):
    process = start()

    assert process.popen.wait(10) == 0
    process.stop()
    assert "Usage:" in "".join(process.stdout)


def test_a_port_in_use_is_a_message_and_code_2(start, server, stack):
    port = server.url.rpartition(":")[2]

    process = start("serve", "--port", port, env=stack.env)

    assert process.popen.wait(10) == 2
    process.stop()
    assert f"port {port}" in "".join(process.stderr)


def test_the_schema_is_printed_in_order(start):
    process = start("schema")

    assert process.popen.wait(10) == 0
    process.stop()
    versions = re.findall(r"^-- (\d{14})_\w+\.sql$", "".join(process.stdout), re.MULTILINE)
    assert versions == sorted(versions)
    assert len(versions) > 3


def test_the_schema_is_written_for_the_supabase_cli(start, tmp_path):
    process = start("schema", "--write", str(tmp_path))

    assert process.popen.wait(10) == 0
    process.stop()
    written = sorted(path.name for path in tmp_path.iterdir())
    assert [line.strip().rpartition("/")[2] for line in process.stdout] == written
    assert all(name.endswith(".sql") for name in written)


def test_settings_are_printed_without_their_secrets(start):
    process = start("settings", env={"ATOMS_SECRET_KEY": "s" * 40, "ATOMS_FASTMCP_PORT": "9"})

    assert process.popen.wait(10) == 0
    process.stop()
    text = "".join(process.stdout)
    assert "ATOMS_FASTMCP_PORT=9" in text
    assert "ATOMS_SECRET_KEY=(set)" in text
    assert "ssss" not in text


ON_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def type_password(env, email, password):
    """Run `atoms-mcp login` on a terminal of its own and type what it asks for."""
    login = [sys.executable, "-m", "atoms_mcp", "login", "--email", email]
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", ON_A_TERMINAL, *login],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        shown = b""
        while b"Password:" not in shown:
            chunk = os.read(process.stdout.fileno(), 1024)
            assert chunk, shown
            shown += chunk
        process.stdin.write(password.encode() + b"\n")
        process.stdin.flush()
        shown += process.stdout.read()
    return process.returncode, shown.decode()


def test_a_login_is_kept_for_stdio_in_a_file_of_ones_own(stack, tmp_path):
    env = stack.env | {"ATOMS_STATE_DIR": str(tmp_path)}

    code, shown = type_password(env, "ada@acme.example", "correct-horse-demo")

    assert code == 0, shown
    assert "correct-horse-demo" not in shown
    assert "ada@acme.example" in shown
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_stdio_works_as_whoever_logged_in_before(stack, tmp_path):
    env = stack.env | {"ATOMS_STATE_DIR": str(tmp_path)}
    code, shown = type_password(env, "vic@acme.example", "correct-horse-demo")
    assert code == 0, shown

    command = StdioServerParameters(
        command=sys.executable, args=["-m", "atoms_mcp", "stdio"], env=env
    )
    async with Client(command) as client:
        context = await client.call_tool("workspace_tool", {"operation": "get_context"})

    assert context.structured_content["user"]["email"] == "vic@acme.example"


def test_a_wrong_password_keeps_nothing(stack, tmp_path):
    env = stack.env | {"ATOMS_STATE_DIR": str(tmp_path)}

    code, shown = type_password(env, "ada@acme.example", "wrong")

    assert code == 1
    assert "password" in shown.lower()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_stdio_without_a_login_says_how_to_get_one(start, stack, tmp_path):
    process = start("stdio", env=stack.env | {"ATOMS_STATE_DIR": str(tmp_path)})

    assert process.popen.wait(10) == 2
    process.stop()
    assert "atoms-mcp login" in "".join(process.stderr)
    assert process.stdout == []
