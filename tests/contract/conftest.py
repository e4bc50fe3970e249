"""One suite, two projects: the embedded stack always, a real project when its address is given.

ATOMS_CONTRACT_URL and ATOMS_CONTRACT_ANON_KEY name the real project (with this package's
schema applied). Accounts are made by signing up; where a project wants addresses confirmed,
ATOMS_CONTRACT_EMAIL and ATOMS_CONTRACT_PASSWORD name one that exists.
"""

import os
import uuid
from dataclasses import dataclass, field

import httpx
import pytest
from supabase import AsyncClientOptions, acreate_client

NEW_PASSWORD = "plain-otter-42"
WAIT_S = 5


@dataclass(frozen=True)
class Project:
    url: str
    anon_key: str = field(repr=False)

    @property
    def auth_url(self):
        return f"{self.url}/auth/v1"

    @property
    def rest_url(self):
        return f"{self.url}/rest/v1"


@dataclass(frozen=True)
class Account:
    email: str
    password: str = field(repr=False)

    @property
    def credentials(self):
        return {"email": self.email, "password": self.password}


@pytest.fixture(scope="session")
def project(request):
    if url := os.environ.get("ATOMS_CONTRACT_URL"):
        return Project(url.rstrip("/"), os.environ["ATOMS_CONTRACT_ANON_KEY"])
    stack = request.getfixturevalue("stack")
    return Project(stack.url, stack.anon_key)


@pytest.fixture(scope="session")
def project_of():
    """Give an embedded stack as a project, for tests that need one of their own."""
    return lambda stack: Project(stack.url, stack.anon_key)


@pytest.fixture
async def connect(project):
    """Open official clients, each with a login of its own (or none)."""
    opened = []

    async def open_one(account=None):
        wire = httpx.AsyncClient(timeout=WAIT_S)
        opened.append(wire)
        options = AsyncClientOptions(
            auto_refresh_token=False,
            httpx_client=wire,
            postgrest_client_timeout=None,  # the wire's; given both ways the client complains
        )
        client = await acreate_client(project.url, project.anon_key, options)
        if account is not None:
            await client.auth.sign_in_with_password(account.credentials)
        return client

    yield open_one
    for wire in opened:
        await wire.aclose()


@pytest.fixture
def raw(project):
    """A plain HTTP client with the project's key."""
    with httpx.Client(headers={"apikey": project.anon_key}, timeout=WAIT_S) as client:
        yield client


@pytest.fixture
def new_address():
    """Make addresses that nobody has."""
    return lambda: f"contract-{uuid.uuid4().hex}@example.com"


@pytest.fixture
def account(project, raw, new_address):
    """An account that can sign in: the given one, or a new one."""
    if email := os.environ.get("ATOMS_CONTRACT_EMAIL"):
        return Account(email, os.environ["ATOMS_CONTRACT_PASSWORD"])
    made = Account(new_address(), NEW_PASSWORD)
    answer = raw.post(f"{project.auth_url}/signup", json=made.credentials)
    answer.raise_for_status()
    return made
