from atoms_mcp.engine.reply import ACCEPTED, Reply


def test_what_is_accepted_has_no_body():
    assert (ACCEPTED.body, ACCEPTED.status) == (None, 202)


def test_a_reply_is_fine_unless_it_says_otherwise():
    assert Reply(b"{}").status == 200
