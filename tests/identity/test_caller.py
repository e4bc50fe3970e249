from atoms_mcp.identity.caller import ALL_SCOPES, Caller


def test_the_token_is_not_in_the_text_of_a_caller():
    caller = Caller("u", "a@b.c", "authenticated", None, ALL_SCOPES, 1, "the-token")

    assert "the-token" not in repr(caller)
