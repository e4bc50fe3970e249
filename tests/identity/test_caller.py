from atoms_mcp.identity.caller import ALL_SCOPES, Caller


def test_the_token_is_not_in_the_text_of_a_caller():
    caller = Caller("u", "a@b.c", "authenticated", None, ALL_SCOPES, 1, "the-token")

    assert "the-token" not in repr(caller)


def test_what_was_presented_is_the_token_unless_said_otherwise():
    plain = Caller("u", "a@b.c", "authenticated", None, ALL_SCOPES, 1, "the-token")
    sealed = Caller(
        "u", "a@b.c", "authenticated", None, ALL_SCOPES, 1, "the-token", presented="the-sealed"
    )

    assert plain.presented == "the-token"
    assert sealed.presented == "the-sealed"
    assert "the-sealed" not in repr(sealed)
