import pytest

from atoms_mcp.identity.access import AccessClaims, AccessTokens, name_client
from atoms_mcp.identity.claims import InvalidToken
from atoms_mcp.identity.holders import Holders
from atoms_mcp.identity.seal import Seal
from atoms_mcp.store.local import LocalStore

ISSUER = "https://mcp.example.com"
RESOURCE = f"{ISSUER}/api/mcp"
GOOD = AccessClaims("gid", "client", "atoms:read", ISSUER, RESOURCE, 1000, "a.b.c")


@pytest.fixture
async def store():
    store = LocalStore()
    yield store
    await store.close()


@pytest.fixture
def tokens(store):
    return AccessTokens(Seal([b"k" * 32]), Holders(store), {RESOURCE: ISSUER}, lambda: 999.5)


def changed(**claims):
    return AccessClaims(**{name: getattr(GOOD, name) for name in GOOD.__slots__} | claims)


def test_what_was_made_is_opened_again(tokens):
    assert tokens.open(tokens.make(GOOD)) == GOOD
    assert "a.b.c" not in repr(GOOD)


@pytest.mark.requirement("auth-audience")
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        pytest.param({"exp": 999}, "expired", id="expired"),
        pytest.param({"aud": "https://other.example/api/mcp"}, "meant", id="other-resource"),
        pytest.param({"aud": RESOURCE + "/"}, "meant", id="a-slash"),
        pytest.param({"iss": "https://other.example"}, "meant", id="other-issuer"),
        pytest.param({"iss": ISSUER + "/"}, "meant", id="issuer-with-slash"),
    ],
)
def test_a_token_of_another_place_or_time_is_refused(tokens, claims, reason):
    token = tokens.make(changed(**claims))
    with pytest.raises(InvalidToken, match=reason):
        tokens.open(token)
    assert tokens.open_any(token) == changed(**claims)


def test_what_is_not_ours_is_refused():
    seal, other = Seal([b"k" * 32]), Seal([b"o" * 32])
    tokens = AccessTokens(seal, None, {RESOURCE: ISSUER}, lambda: 1)
    claims = {name: getattr(GOOD, name) for name in GOOD.__slots__}
    foreign = AccessTokens(other, None, {RESOURCE: ISSUER}, lambda: 1).make(GOOD)
    for token in (
        foreign,
        seal.seal("refresh", claims),
        seal.seal("access", {}),
        seal.seal("access", {**claims, "more": 1}),
        tokens.make(GOOD)[:-2],
        "a.b.c.d.e",
        "",
        "é",
    ):
        with pytest.raises(InvalidToken, match="not a token of this server"):
            tokens.open(token)


def test_a_long_client_id_is_named_by_a_digest():
    assert name_client("https://app.example/c.json") == "https://app.example/c.json"
    assert name_client("x" * 128) == "x" * 128
    long = name_client("x" * 129)
    assert long.startswith("sha256:")
    assert len(long) == 71
    assert long != name_client("y" * 129)


async def test_what_was_revoked_is_known(tokens, store):
    assert not await tokens.is_revoked("gid")
    await Holders(store).revoke("gid", 2**40)
    assert await tokens.is_revoked("gid")
