from atoms_mcp.engine.talk.voice import Notes


async def test_a_voice_is_open_once_something_was_said():
    notes = Notes()
    assert not notes.is_open

    await notes.send(b"{}")

    assert notes.is_open
    assert notes.messages == [b"{}"]
