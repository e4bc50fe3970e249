from engine_double import caller

from atoms_mcp.engine.frame import Frame


def test_a_frame_has_nothing_but_what_its_transport_gives():
    frame = Frame("r-1")

    assert (frame.caller, frame.headers, frame.session_id, frame.session) == (None,) * 4
    assert not frame.can_challenge


def test_a_frame_tells_no_token():
    assert "t-ada" not in repr(Frame("r-1", caller=caller("ada")))
