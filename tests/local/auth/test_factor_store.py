import uuid
from datetime import UTC, datetime

import asyncpg
import pytest

from atoms_mcp.local.auth import factor_store

AT = datetime(2026, 11, 23, tzinfo=UTC)


async def test_a_factor_is_its_users(connection, user):
    factor_id = await factor_store.add_factor(connection, user.id, name="phone", secret="S")

    factor = await factor_store.get_factor(connection, factor_id, user.id)

    assert (factor.is_verified, factor.secret) == (False, "S")
    assert "'S'" not in repr(factor)
    assert await factor_store.get_factor(connection, factor_id, uuid.uuid4()) is None


async def test_names_are_unique_where_there_is_one(connection, user):
    for _ in range(2):
        await factor_store.add_factor(connection, user.id, name=None, secret="S")
    await factor_store.add_factor(connection, user.id, name="phone", secret="S")

    with pytest.raises(asyncpg.UniqueViolationError):
        await factor_store.add_factor(connection, user.id, name="phone", secret="S")


async def test_the_first_that_is_verified_stays_alone(connection, user):
    ids = [
        await factor_store.add_factor(connection, user.id, name=None, secret="S") for _ in range(2)
    ]
    factor = await factor_store.get_factor(connection, ids[0], user.id)

    await factor_store.mark_verified(connection, factor)

    assert (await factor_store.get_factor(connection, ids[0], user.id)).is_verified
    assert await factor_store.get_factor(connection, ids[1], user.id) is None


async def test_a_challenge_is_its_factors_and_goes_with_it(connection, user):
    factor_id = await factor_store.add_factor(connection, user.id, name=None, secret="S")
    challenge_id = await factor_store.add_challenge(connection, factor_id, ip="::1", at=AT)

    await factor_store.use_challenge(connection, challenge_id, AT)
    used = await factor_store.get_challenge(connection, challenge_id, factor_id)
    strange = await factor_store.get_challenge(connection, challenge_id, uuid.uuid4())
    await factor_store.remove_factor(connection, factor_id)

    assert (used.ip, used.created_at, used.verified_at) == ("::1", AT, AT)
    assert strange is None
    assert await factor_store.get_challenge(connection, challenge_id, factor_id) is None
