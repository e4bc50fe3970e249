import pytest

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.talk.dialogue import SILENCE, Herald
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.errors import ToolError


async def test_a_silent_one_says_nothing():
    await SILENCE.progress(1, 2, "half")
    await SILENCE.log("info", {"a": 1}, None)
    await SILENCE.publish(Change("tools"))

    assert not SILENCE.is_cancelled
    assert not SILENCE.capabilities


async def test_a_herald_is_silent_but_for_changes():
    told = []

    async def publish(change):
        told.append(change)

    herald = Herald(publish)
    await herald.progress(1, 2, "half")
    await herald.release()
    await herald.publish(Change("tools"))

    assert told == [Change("tools")]
    assert not herald.capabilities


async def test_a_silent_one_cannot_ask():
    with pytest.raises(ToolError, match="needs an answer to sure"):
        await SILENCE.ask({"sure": InputRequest.roots()}, authorises=False)
