"""What several tests of the embedded Auth begin with."""

import pytest

from atoms_mcp.local.auth import store as auth_store


@pytest.fixture
async def connection(pool):
    """A connection whose changes are undone."""
    async with pool.acquire() as made:
        undo = made.transaction()
        await undo.start()
        yield made
        await undo.rollback()


@pytest.fixture
async def user(connection):
    return await auth_store.add_user(connection, "ann@example.com", None, {})
