"""Fixtures that more than one folder uses: above all our commands, run as processes."""

import base64
import hmac
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import redis

ROOT = Path(__file__).parent.parent
READY_S = 30
STOPPED_S = 10
PASSWORD = "correct-horse-demo"


class Process:
    """One of our commands, or another program, run as its users run it.

    Its output is read as it comes.
    """

    def __init__(self, *args, env=None, program=("-m", "atoms_mcp")):
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("ATOMS_", "SUPABASE"))
        }
        self.popen = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *program, *args],
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

    def start_one(*args, **more):
        running.append(Process(*args, **more))
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

    def auth(self, method, path, *, token=None, **more):
        """Ask the gateway's Auth as a plain client, and give the answer."""
        headers = {"apikey": self.anon_key}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = httpx.request(method, f"{self.url}/auth/v1{path}", headers=headers, **more)
        answer.raise_for_status()
        return answer

    def new_account(self, password=PASSWORD):
        """Make an account that no other test has, and give its address."""
        email = f"person-{uuid.uuid4().hex[:12]}@example.com"
        self.auth("POST", "/signup", json={"email": email, "password": password})
        return email

    def mails(self, to=""):
        """Give what was mailed to an address, or to all, the newest first.

        Each is {"to", "kind", "code", "link", "sent_at"}.
        """
        headers = {"Accept": "application/json"}
        answer = httpx.get(f"{self.url}/mail", params={"to": to}, headers=headers)
        answer.raise_for_status()
        return answer.json()

    def enroll_totp(self, email, password=PASSWORD):
        """Give an account a verified second factor, and the app's secret; see `totp_now`."""
        credentials = {"email": email, "password": password}
        signed_in = self.auth("POST", "/token?grant_type=password", json=credentials).json()
        token = signed_in["access_token"]
        factor = self.auth("POST", "/factors", token=token, json={"factor_type": "totp"}).json()
        path = f"/factors/{factor['id']}"
        challenge = self.auth("POST", f"{path}/challenge", token=token, json={}).json()
        secret = factor["totp"]["secret"]
        shown = {"challenge_id": challenge["id"], "code": totp_now(secret)}
        self.auth("POST", f"{path}/verify", token=token, json=shown)
        return secret


def totp_now(secret, at=None):
    """Give the six digits that an authenticator app shows (RFC 6238), at `at` or now."""
    counter = int((time.time() if at is None else at) // 30).to_bytes(8, "big")
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number:010d}"[-6:]


@pytest.fixture(scope="session", name="totp_now")
def fixture_totp_now():
    """The same for tests: `totp_now(secret)`."""
    return totp_now


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


def find_free_port():
    """Give a port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def free_port():
    """The same for tests: `free_port()`, for a server that is to come back at its address."""
    return find_free_port


class RedisServer:
    """Debian's Redis on a port of loopback, keeping nothing on disk; it may be stopped."""

    def __init__(self, folder):
        self.command = shutil.which("redis-server")
        if self.command is None:
            pytest.fail("redis-server is not installed: run scripts/peers, or apt-get install it")
        self.folder = folder
        self.port = find_free_port()
        self.popen = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        """Start it, empty, unless it runs; return once it answers."""
        if self.popen is not None:
            return
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder}
        options |= {"save": "", "appendonly": "no", "daemonize": "no"}
        self.popen = subprocess.Popen(  # noqa: S603 - Debian's own
            [self.command, *(str(o) for k, v in options.items() for o in (f"--{k}", v))],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = []
        for line in self.popen.stdout:
            said.append(line)
            if "Ready to accept connections" in line:
                return
        raise AssertionError(f"redis-server ended:\n{''.join(said)}")

    def stop(self):
        """End it; connections to it break off."""
        if self.popen is not None:
            self.popen.terminate()
            self.popen.communicate(timeout=STOPPED_S)
            self.popen = None

    def client(self):
        """Give a client of the tests' own."""
        return redis.Redis(port=self.port)

    def hang(self):
        """Let it take connections and answer nothing."""
        self.popen.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.popen.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def _redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis_server(_redis_server):
    """The Redis that all tests share, running and answering."""
    _redis_server.start()
    yield _redis_server
    if _redis_server.popen is not None:
        _redis_server.go_on()


@pytest.fixture(scope="session")
def tokens(server):
    """Access tokens of the demo accounts, by first name."""
    addresses = ("ada@acme.example", "vic@acme.example", "bob@umbrella.example")
    return {
        address.partition("@")[0]: server.login(address)["access_token"] for address in addresses
    }
