import pytest
from engine_double import caller

from atoms_mcp.engine.listening.rights import Rights
from atoms_mcp.engine.offer.resource import NoSuchResource
from atoms_mcp.errors import ToolError
from atoms_mcp.identity.errors import InsufficientScope
from atoms_mcp.protocol.content import text_contents
from atoms_mcp.supabase.errors import CallerExpired, SupabaseError


def rights_of(outcome):
    """Give the rights where reading anything comes to this."""

    async def read(context):
        assert context.caller.user_id == "id-ada"
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Rights(lambda _uri: read, None)


async def test_who_can_read_something_may_hear_of_it():
    found = [text_contents("a://1", "text")]

    assert await rights_of(found).can_read(caller("ada"), "a://1")


@pytest.mark.parametrize(
    "outcome",
    [
        [],
        NoSuchResource(),
        ToolError("forbidden", "no", fix="no"),
        InsufficientScope("atoms:read"),
        CallerExpired(),
    ],
    ids=repr,
)
async def test_who_cannot_may_not(outcome):
    assert not await rights_of(outcome).can_read(caller("ada"), "a://1")


async def test_an_outage_says_nothing_of_rights():
    with pytest.raises(SupabaseError):
        await rights_of(SupabaseError("down", "away")).can_read(caller("ada"), "a://1")
