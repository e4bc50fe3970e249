"""What comes after a stored change may fail, and the change is a success all the same."""

import asyncio

import pytest
from structlog.testing import capture_logs

from atoms_mcp.entities.paging import Cursors
from atoms_mcp.errors import ToolError
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.tools.afterwards import afterwards
from atoms_mcp.tools.desk import Desk


@pytest.fixture
def desk(scripted, catalogue):
    return Desk(scripted().context("ada"), catalogue, Cursors(b"k" * 32), lambda: 0.0)


async def test_what_it_comes_to_is_given(desk):
    assert await afterwards(desk, asyncio.sleep(0, "done"), None) == "done"


async def test_what_takes_too_long_is_left(desk):
    assert await afterwards(desk, asyncio.Event().wait(), otherwise=False, limit_s=0.01) is False


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (SupabaseError("down", "a detail"), "down - -"),
        (ToolError("invalid_argument", "a detail", fix="x"), "ToolError"),
    ],
)
async def test_what_fails_is_logged_without_its_words(desk, fault, told):
    async def fail():
        raise fault

    with capture_logs() as lines:
        assert await afterwards(desk, fail(), None) is None

    (line,) = lines
    assert (line["event"], line["fault"]) == ("change.half_told", told)


async def test_a_fault_of_ours_is_not_hidden(desk):
    async def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        await afterwards(desk, fail(), None)
