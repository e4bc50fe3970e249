from atoms_mcp.identity.errors import InsufficientScope, Unauthenticated


def test_no_token_has_no_reason():
    assert Unauthenticated().reason is None
    assert str(Unauthenticated()) == "no token"


def test_a_bad_token_has_one():
    assert Unauthenticated("expired").reason == "expired"


def test_the_scope_that_is_missing_is_named():
    assert InsufficientScope("atoms:write").needed == "atoms:write"
    assert "atoms:write" in str(InsufficientScope("atoms:write"))
