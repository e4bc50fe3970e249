from atoms_mcp.engine.offer.prompt import Message, PromptArgument


def test_a_message_is_the_users_unless_it_says_so():
    assert Message("hi").role == "user"


def test_an_argument_may_be_left_out_unless_it_says_so():
    assert not PromptArgument("topic").is_required
