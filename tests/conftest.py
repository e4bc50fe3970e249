"""Fixtures that more than one folder uses: above all our commands, run as processes."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
READY_S = 30
STOPPED_S = 10
PASSWORD = "correct-horse-demo"


class Process:
    """One of our commands, run as its users run it; its output is read as it comes."""

    def __init__(self, *args, env=None):
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("ATOMS_", "SUPABASE"))
        }
        self.popen = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "atoms_mcp", *args],
            env={**inherited, **(env or {})},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.stdout, self.stderr = [], []
        self._lines = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read, args=(self.popen.stdout, self.stdout), daemon=True),
            threading.Thread(target=self._read, args=(self.popen.stderr, self.stderr), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, kept):
        for line in stream:
            kept.append(line)
            if kept is self.stdout:
                self._lines.put(line)
        self._lines.put(None)
        stream.close()

    def wait_for(self, pattern):
        """Give the first match of `pattern` in a line of standard output."""
        while line := self._lines.get(timeout=READY_S):
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended before {pattern!r}:\n{''.join(self.stdout + self.stderr)}")

    def stop(self, number=signal.SIGINT):
        """Ask it to end, wait until it has, and give its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        code = self.popen.wait(STOPPED_S)
        for reader in self._readers:
            reader.join(STOPPED_S)
        return code


@pytest.fixture(scope="session")
def start():
    """Start a command; whatever still runs at the end of the session is stopped."""
    running = []

    def start_one(*args, env=None):
        running.append(Process(*args, env=env))
        return running[-1]

    yield start_one
    for process in reversed(running):
        process.stop(signal.SIGTERM)


@dataclass
class RunningStack:
    url: str
    anon_key: str
    dsn: str
    postgres_pid: int
    state_dir: Path
    process: Process = field(repr=False)

    @property
    def env(self):
        """The environment of a server that uses this stack."""
        return {
            "NEXT_PUBLIC_SUPABASE_URL": self.url,
            "NEXT_PUBLIC_SUPABASE_ANON_KEY": self.anon_key,
            "ATOMS_STATE_DIR": str(self.state_dir),
            "ATOMS_RATE_LIMITS": "off",
            "ATOMS_FASTMCP_PORT": "0",
        }


@pytest.fixture(scope="session")
def start_stack(start):
    """Start an embedded stack (PostgreSQL and gateway) on a state folder."""

    def start_one(state_dir, **env):
        quick = {"ATOMS_LOCAL_FSYNC": "off", "ATOMS_RATE_LIMITS": "off", "ATOMS_LOCAL_PORT": "0"}
        process = start("local", "--json", "--state-dir", str(state_dir), env={**quick, **env})
        where = json.loads(process.wait_for(r"^\{.*\}$").group())
        return RunningStack(**where, state_dir=state_dir, process=process)

    return start_one


@pytest.fixture(scope="session")
def stack(start_stack, tmp_path_factory):
    """The stack that all tests share, with the demo accounts."""
    return start_stack(tmp_path_factory.mktemp("stack"))


@dataclass
class RunningServer:
    url: str
    process: Process = field(repr=False)

    @property
    def mcp_url(self):
        return f"{self.url}/api/mcp"

    def login(self, email, password=PASSWORD):
        """Sign in and give the whole answer."""
        answer = httpx.post(f"{self.url}/auth/login", json={"email": email, "password": password})
        answer.raise_for_status()
        return answer.json()

    def call(self, token, tool, **arguments):
        """Call a tool by the plain route and give its result object."""
        answer = httpx.post(
            f"{self.mcp_url}/tools/call",
            json={"tool": tool, "arguments": arguments},
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="session")
def start_server(start):
    """Start a server in front of a stack."""

    def start_one(stack, **env):
        process = start("serve", env={**stack.env, **env})
        url = process.wait_for(r"(http://\S+)/api/mcp").group(1)
        return RunningServer(url=url, process=process)

    return start_one


@pytest.fixture(scope="session")
def server(start_server, stack):
    """The server that all tests share, in simple mode."""
    return start_server(stack)


@pytest.fixture(scope="session")
def tokens(server):
    """Access tokens of the demo accounts, by first name."""
    addresses = ("ada@acme.example", "vic@acme.example", "bob@umbrella.example")
    return {
        address.partition("@")[0]: server.login(address)["access_token"] for address in addresses
    }
