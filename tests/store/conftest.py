import time

import pytest

from atoms_mcp.store.local import LocalStore
from atoms_mcp.store.redis import RedisStore


class Clock:
    """Unix seconds that a test may move."""

    def __init__(self):
        self.now = time.time()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def redis_url(redis_server):
    """A Redis with a database of this test's own: the last one's entries are gone."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "store.sqlite3"


@pytest.fixture(params=["file", "memory", "redis"])
async def store(request, clock):
    """A store of each kind: what holds for one holds for all."""
    if request.param == "redis":
        made = RedisStore(request.getfixturevalue("redis_url"), now=clock)
    else:
        is_file = request.param == "file"
        made = LocalStore(request.getfixturevalue("file") if is_file else None, now=clock)
    yield made
    await made.close()
