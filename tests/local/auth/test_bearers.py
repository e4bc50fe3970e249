import uuid

import pytest
from aiohttp.test_utils import make_mocked_request
from auth_world import ANON_KEY

from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.bearers import Bearers, read_uuid
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.tokens import sign_access_token

SOME = uuid.UUID("6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11")


@pytest.mark.parametrize(
    ("value", "read"), [(str(SOME), SOME), ("me", None), ("", None), (None, None), (7, None)]
)
def test_a_uuid_is_read_or_it_is_none(value, read):
    assert read_uuid(value) == read


@pytest.fixture
async def user(pool):
    async with pool.acquire() as connection:
        return await auth_store.add_user(connection, f"{uuid.uuid4().hex}@example.com", None, {})


@pytest.fixture
def authenticate(pool, ring, clock):
    bearers = Bearers(pool, ring, ANON_KEY, clock)

    async def ask(authorization):
        request = make_mocked_request("GET", "/", headers={"Authorization": authorization})
        return await bearers.authenticate(request)

    return ask


async def test_a_bearer_without_a_session_has_shown_one_factor(authenticate, ring, user):
    token = sign_access_token(ring, {"sub": str(user.id), "aud": "authenticated"})

    bearer = await authenticate(f"bearer {token}")

    assert (bearer.user, bearer.session_id, bearer.level) == (user, None, "aal1")


async def test_a_bearer_of_a_session_that_ended_is_nobody(authenticate, ring, user):
    claims = {"sub": str(user.id), "aud": "authenticated", "session_id": str(SOME)}

    with pytest.raises(AuthError, match="session_not_found") as refused:
        await authenticate(f"Bearer {sign_access_token(ring, claims)}")

    assert refused.value.status == 403


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "Bearer "])
async def test_whoever_shows_nothing_is_asked_for_it(authenticate, authorization):
    with pytest.raises(AuthError, match="no_authorization"):
        await authenticate(authorization)
