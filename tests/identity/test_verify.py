import asyncio
import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from jwt import PyJWS
from jwt.algorithms import HMACAlgorithm, OKPAlgorithm, RSAAlgorithm
from supabase_double import FAULTS, HS256_SECRET, SigningPair, answering, forge, refusal, sign

from atoms_mcp.identity import verify as module
from atoms_mcp.identity.access import AccessClaims, AccessTokens
from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.verify import MAX_TOKEN_BYTES, InvalidToken, Verifier
from atoms_mcp.store.store import StoreDown
from atoms_mcp.supabase.auth import JWKS_PATH, SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

USER = "/auth/v1/user"
ORIGIN = "https://mcp.example.com"
RESOURCE = f"{ORIGIN}/api/mcp"
MODES = ("simple", "bearer", "jwt")
RSA = rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def make(supabase, clock):
    """Make a verifier of any mode before the project."""
    wire = Wire(supabase.settings())
    auth = SupabaseAuth(wire)

    def make_one(mode="jwt", **more):
        return Verifier(mode, Jwks(auth, now=clock), auth, now=clock, **more)

    yield make_one
    await wire.close()


async def refused(verifier, token):
    with pytest.raises(InvalidToken) as caught:
        await verifier.verify(token)
    return caught.value.reason


@pytest.mark.parametrize("mode", MODES)
async def test_a_token_of_the_project_gives_its_user(supabase, make, mode):
    token = supabase.token()

    caller = await make(mode).verify(token)

    assert caller.user_id == supabase.user_id
    assert caller.email == supabase.email
    assert caller.session_id == "session-1"
    assert caller.token == token
    assert supabase.count(USER) == (0 if mode == "jwt" else 1)


@pytest.mark.parametrize("mode", MODES)
async def test_a_verified_token_is_verified_once(supabase, make, mode):
    verifier, token = make(mode), supabase.token()
    first = await verifier.verify(token)
    supabase.seen.clear()
    supabase.faults = {JWKS_PATH: answering(503), USER: answering(503)}

    assert await verifier.verify(token) is first
    assert verifier.get_remembered(token) is first
    assert supabase.seen == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_remembered_token_ends_with_its_time(supabase, make, clock, mode):
    verifier, token = make(mode, session_check_s=10_000), supabase.token()
    await verifier.verify(token)
    clock.now += 3600

    assert verifier.get_remembered(token) is None
    assert await refused(verifier, token) == "expired"


@pytest.mark.parametrize("mode", ["simple", "bearer"])
async def test_a_session_is_asked_for_again_after_its_window(supabase, make, clock, mode):
    verifier, token = make(mode, session_check_s=15), supabase.token()
    await verifier.verify(token)
    supabase.ended.add("session-1")

    clock.now += 14.9
    assert (await verifier.verify(token)).user_id == supabase.user_id
    clock.now += 0.2
    assert await refused(verifier, token) == "signed out"
    assert await refused(verifier, token) == "signed out"


async def test_a_session_that_goes_on_gets_a_new_window(supabase, make, clock):
    verifier, token = make("simple", session_check_s=15), supabase.token()
    for _ in range(3):
        await verifier.verify(token)
        clock.now += 10

    assert supabase.count(USER) == 2
    assert supabase.count(JWKS_PATH) == 1


async def test_a_window_of_nothing_asks_every_time(supabase, make):
    verifier, token = make("simple", session_check_s=0), supabase.token()
    await verifier.verify(token)
    await verifier.verify(token)

    assert supabase.count(USER) == 2


async def test_in_jwt_mode_a_session_is_never_asked_for(supabase, make, clock):
    verifier, token = make("jwt", session_check_s=1), supabase.token()
    await verifier.verify(token)
    clock.now += 3000
    await verifier.verify(token)

    assert supabase.count(USER) == 0


@pytest.mark.parametrize("mode", MODES)
async def test_many_requests_with_one_token_share_one_check(supabase, make, clock, mode):
    verifier, token = make(mode), supabase.token()
    await asyncio.gather(*(verifier.verify(token) for _ in range(30)))
    clock.now += 16
    await asyncio.gather(*(verifier.verify(token) for _ in range(30)))

    assert supabase.count(USER) == (0 if mode == "jwt" else 2)
    assert supabase.count(JWKS_PATH) == (0 if mode == "bearer" else 1)


async def test_only_so_many_tokens_are_remembered(supabase, make):
    verifier = make("simple", max_remembered=3)
    tokens = [supabase.token(session_id=f"s{number}") for number in range(4)]
    for token in tokens[:3]:
        await verifier.verify(token)
    verifier.get_remembered(tokens[0])
    await verifier.verify(tokens[3])

    kept = [verifier.get_remembered(token) is not None for token in tokens]
    assert kept == [True, False, True, True]


async def test_failures_are_not_remembered(supabase, make):
    verifier, token = make("simple"), supabase.token()
    supabase.faults[USER] = answering(503)
    with pytest.raises(SupabaseError):
        await verifier.verify(token)
    supabase.faults.clear()

    assert (await verifier.verify(token)).user_id == supabase.user_id


async def test_a_forgotten_token_is_verified_anew(supabase, make):
    verifier, token = make("simple"), supabase.token()
    await verifier.verify(token)
    verifier.forget(token)
    verifier.forget("never seen")

    assert verifier.get_remembered(token) is None
    await verifier.verify(token)
    assert supabase.count(USER) == 2


async def test_a_session_is_forgotten_with_all_its_tokens(supabase, make):
    verifier = make("simple")
    mine = [supabase.token(iat=1), supabase.token(iat=2)]
    other = supabase.token(session_id="other")
    for token in (*mine, other):
        await verifier.verify(token)

    verifier.forget_session("session-1")

    assert [verifier.get_remembered(token) for token in mine] == [None, None]
    assert verifier.get_remembered(other) is not None


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def confused(supabase, secret, kid="first"):
    """Sign by HMAC with what everybody may know: libraries refuse to, an attacker does not."""
    head = {"alg": "HS256", "typ": "JWT", "kid": kid}
    unsigned = forge(head, supabase.claims()).rpartition(".")[0]
    algorithm = HMACAlgorithm(HMACAlgorithm.SHA256)
    signature = algorithm.sign(unsigned.encode(), secret)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def attacks(supabase):
    own = SigningPair("first")
    claims = supabase.claims()
    good = supabase.token()
    head, body, signature = good.split(".")
    jku = {"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/c", "jwk": own.jwk}
    yield "none", forge({"alg": "none", "typ": "JWT"}, claims)
    yield "None", forge({"alg": "nOnE"}, claims)
    yield "none-with-signature", forge({"alg": "none"}, claims, b"x")
    yield "no-alg", forge({"typ": "JWT", "kid": "first"}, claims, b"x")
    yield "odd-alg", forge({"alg": ["ES256"], "kid": "first"}, claims, b"x")
    yield "null-alg", forge({"alg": None, "kid": "first"}, claims, b"x")
    yield "hs256-by-public-pem", confused(supabase, public_pem(supabase.pair.private))
    yield "hs256-by-jwk", confused(supabase, json.dumps(supabase.pair.jwk).encode())
    yield "hs256-by-empty", confused(supabase, b"")
    yield (
        "hs256-by-template-secret",
        confused(supabase, b"super-secret-jwt-token-with-at-least-32-characters-long"),
    )
    yield "own-key-same-kid", supabase.token(pair=own)
    yield "own-jwk-in-header", sign(claims, own.private, "ES256", kid="first", **jku)
    yield "own-key-no-kid", sign(claims, own.private, "ES256", **jku)
    yield "own-key-other-kid", sign(claims, own.private, "ES256", kid="mine", **jku)
    yield "kid-of-a-path", sign(claims, own.private, "ES256", kid="../../dev/null")
    yield "kid-of-sql", sign(claims, own.private, "ES256", kid="x' UNION SELECT 'k")
    yield "rs256-by-own-key", sign(claims, RSA, "RS256", kid="first")
    yield "es256-called-eddsa", forge({"alg": "EdDSA", "kid": "first"}, claims, b"x" * 64)
    yield "stripped-signature", f"{head}.{body}."
    yield "cut-signature", f"{head}.{body}.{signature[:-8]}"
    yield "zero-signature", forge({"alg": "ES256", "kid": "first"}, claims, bytes(64))
    yield (
        "changed-body",
        f"{head}.{forge({}, claims | {'sub': supabase.user_id}).split('.')[1]}A.{signature}",
    )
    yield "crit", sign(claims, supabase.pair.private, "ES256", kid="first", crit=["exp"], exp=1)
    yield "b64-false", forge({"alg": "ES256", "b64": False, "crit": ["b64"]}, claims, b"x")
    yield "b64", sign(claims, supabase.pair.private, "ES256", kid="first", b64=True) + "A"


ATTACKS = [
    "none",
    "None",
    "none-with-signature",
    "no-alg",
    "odd-alg",
    "null-alg",
    "hs256-by-public-pem",
    "hs256-by-jwk",
    "hs256-by-empty",
    "hs256-by-template-secret",
    "own-key-same-kid",
    "own-jwk-in-header",
    "own-key-no-kid",
    "own-key-other-kid",
    "kid-of-a-path",
    "kid-of-sql",
    "rs256-by-own-key",
    "es256-called-eddsa",
    "stripped-signature",
    "cut-signature",
    "zero-signature",
    "changed-body",
    "crit",
    "b64-false",
    "b64",
]


@pytest.mark.requirement("auth-validate")
@pytest.mark.parametrize("mode", ["simple", "jwt"])
@pytest.mark.parametrize("secret", [None, HS256_SECRET], ids=["no-secret", "secret"])
@pytest.mark.parametrize("name", ATTACKS)
async def test_a_token_that_the_project_did_not_sign_is_refused(supabase, make, name, secret, mode):
    # Auth itself refuses them, too; it is not to be relied on for what can be seen here.
    supabase.faults[USER] = answering(403, b'{"code":"bad_jwt","message":"invalid JWT"}')
    token = dict(attacks(supabase))[name]

    await refused(make(mode, secret=secret), token)

    if secret is not None or not name.startswith("hs256"):
        assert supabase.count(USER) == 0


@pytest.mark.parametrize("name", ATTACKS)
async def test_in_bearer_mode_only_what_auth_accepts_is_accepted(supabase, make, name):
    supabase.faults[USER] = answering(403, b'{"code":"bad_jwt","message":"invalid JWT"}')

    await refused(make("bearer"), dict(attacks(supabase))[name])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="one-part"),
        pytest.param("a.b", id="two-parts"),
        pytest.param("..", id="three-empty-parts"),
        pytest.param("a.b.c", id="no-json"),
        pytest.param("a.b.c.d", id="four-parts"),
        pytest.param("eyJhbGciOiJkaXIifQ..a.b.c", id="jwe"),
        pytest.param("é.b.c", id="not-ascii"),
        pytest.param("\ud800.b.c", id="lone-surrogate"),
        pytest.param("a\x00.b.c", id="nul"),
        pytest.param("sb_secret_abc", id="secret-key"),
        pytest.param(forge([1], {}), id="header-is-a-list"),
        pytest.param(forge({"alg": "ES256", "kid": 7}, {}), id="odd-kid"),
        pytest.param(forge({"alg": "ES256"}, [1]), id="claims-are-a-list"),
        pytest.param(forge({"alg": "ES256"}, None), id="claims-are-null"),
    ],
)
async def test_what_is_no_token_costs_no_call(supabase, make, mode, token):
    await refused(make(mode), token)

    assert supabase.seen == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_token_bomb_is_refused_before_it_is_read(supabase, make, mode):
    nested = ("[" * 3000 + "]" * 3000).encode()
    bombs = [
        supabase.token(padding="x" * MAX_TOKEN_BYTES),
        "a" * 1_000_000,
        "." * 1_000_000,
        ".".join([base64.urlsafe_b64encode(nested).decode().rstrip("=")[:4000], "e30", "x"]),
        sign(
            b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}", supabase.pair.private, "ES256", kid="first"
        ),
    ]
    for bomb in bombs:
        await refused(make(mode), bomb)

    assert supabase.seen == []


@pytest.mark.requirement("auth-validate")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": ...}, id="no-exp"),
        pytest.param({"iss": "https://evil.example/auth/v1"}, id="other-issuer"),
        pytest.param({"aud": "other"}, id="other-audience"),
        pytest.param({"role": "service_role"}, id="service-role"),
        pytest.param({"role": "anon", "sub": ...}, id="anon-key"),
        pytest.param({"sub": "1"}, id="sub-no-uuid"),
        pytest.param({"is_anonymous": True}, id="anonymous"),
        pytest.param({"exp": 10**400}, id="number-without-end"),
    ],
)
async def test_a_genuine_signature_does_not_help_wrong_claims(supabase, make, mode, changed):
    await refused(make(mode), supabase.token(**changed))

    assert supabase.seen == []


async def test_a_token_may_name_its_kind_as_it_likes(supabase, make):
    token = sign(supabase.claims(), supabase.pair.private, "ES256", kid="first", typ="at+jwt")

    assert (await make().verify(token)).user_id == supabase.user_id


@pytest.mark.parametrize(
    ("private", "algorithm", "maker"),
    [
        pytest.param(RSA, "RS256", RSAAlgorithm, id="RS256"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), "EdDSA", OKPAlgorithm, id="EdDSA"),
    ],
)
async def test_other_kinds_of_keys_are_accepted(supabase, make, private, algorithm, maker):
    supabase.jwks.append({**json.loads(maker.to_jwk(private.public_key())), "kid": "k2"})
    token = sign(supabase.claims(), private, algorithm, kid="k2")

    assert (await make().verify(token)).user_id == supabase.user_id


async def test_both_keys_of_a_rotation_are_accepted(supabase, make, clock):
    verifier, second = make(), SigningPair("second")
    await verifier.verify(supabase.token())
    supabase.jwks.append(second.jwk)
    clock.now += 1

    await verifier.verify(supabase.token(pair=second))
    await verifier.verify(supabase.token(iat=5))


@pytest.mark.parametrize("mode", ["simple", "jwt"])
async def test_a_project_with_a_secret_is_checked_by_it(supabase, make, mode):
    supabase.jwks = []
    verifier = make(mode, secret=HS256_SECRET)

    caller = await verifier.verify(sign(supabase.claims(), HS256_SECRET, "HS256"))

    assert caller.user_id == supabase.user_id
    assert supabase.count(USER) == (1 if mode == "simple" else 0)
    other = sign(supabase.claims(), HS256_SECRET + "x", "HS256")
    assert await refused(verifier, other) == "bad signature"


@pytest.mark.parametrize("mode", MODES)
async def test_without_the_secret_supabase_is_asked(supabase, make, mode):
    supabase.jwks = []
    verifier, token = make(mode), sign(supabase.claims(), HS256_SECRET, "HS256")

    assert (await verifier.verify(token)).user_id == supabase.user_id
    assert supabase.count(USER) == 1

    supabase.faults[USER] = answering(403, b'{"code":"bad_jwt","message":"no"}')
    await refused(verifier, sign(supabase.claims(iat=1), "x" * 40, "HS256"))


@pytest.mark.parametrize("mode", ["simple", "bearer"])
@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"code": "bad_jwt", "message": "m"}, "not accepted by Supabase"),
        (403, {"code": "session_not_found", "message": "m"}, "signed out"),
        (403, {"code": "user_not_found", "message": "m"}, "its user no longer exists"),
        (403, {"code": "user_banned", "message": "m"}, "its user is banned"),
        (401, {"code": "no_authorization", "message": "m"}, "not accepted by Supabase"),
        (400, {"code": "bad_jwt", "message": "m"}, "not accepted by Supabase"),
        (400, {"code": "validation_failed", "message": "m"}, "not accepted by Supabase"),
        (403, {"code": 403, "error_code": "bad_jwt", "msg": "m"}, "not accepted by Supabase"),
        (401, {"code": 401, "msg": "invalid JWT"}, "not accepted by Supabase"),
    ],
)
async def test_a_no_of_supabase_is_a_no(supabase, make, mode, status, body, reason):
    supabase.faults[USER] = answering(status, json.dumps(body).encode())

    assert await refused(make(mode), supabase.token()) == reason


@pytest.mark.parametrize("mode", ["simple", "bearer"])
@pytest.mark.parametrize(
    "changed", [{"id": "00000000-0000-4000-8000-00000000000f"}, {"is_anonymous": True}]
)
async def test_a_yes_for_somebody_else_is_a_no(supabase, make, mode, changed):
    supabase.faults[USER] = answering(200, json.dumps(supabase.user() | changed).encode())

    await refused(make(mode), supabase.token())


CANNOT_TELL = {
    **{name: row[0] for name, row in FAULTS.items()},
    "wrong-api-key": answering(401, b'{"message":"Invalid API key","hint":"h"}'),
    "no-api-key": answering(401, b'{"message":"No API key found in request"}'),
    "key-auth": answering(401, b'{"message":"Invalid authentication credentials"}'),
    "acl": answering(403, b'{"message":"You cannot consume this service"}'),
    "not-found": answering(404, b'{"message":"no Route matched with those values"}'),
    "odd-refusal": answering(400, b'{"code":"new_code","message":"m"}'),
}


@pytest.mark.parametrize("mode", ["simple", "bearer"])
@pytest.mark.parametrize("name", CANNOT_TELL)
async def test_an_unclear_answer_is_neither_yes_nor_no(supabase, make, clock, mode, name):
    verifier, token = make(mode), supabase.token()
    supabase.faults[USER] = CANNOT_TELL[name]
    with pytest.raises(SupabaseError) as caught:
        await verifier.verify(token)
    assert caught.value.kind != "refused"

    # The same for a token that was good a moment ago.
    supabase.faults.clear()
    await verifier.verify(token)
    clock.now += 16
    supabase.faults[USER] = CANNOT_TELL[name]
    with pytest.raises(SupabaseError):
        await verifier.verify(token)


@pytest.mark.parametrize("mode", ["simple", "jwt"])
@pytest.mark.parametrize("name", FAULTS)
async def test_without_keys_no_token_is_accepted(supabase, make, mode, name):
    supabase.faults[JWKS_PATH] = FAULTS[name][0]

    with pytest.raises(SupabaseError):
        await make(mode).verify(supabase.token())


async def test_a_refusal_ends_what_was_remembered(supabase, make, clock):
    verifier, token = make("simple"), supabase.token()
    await verifier.verify(token)
    clock.now += 16

    async def signed_out(_request):
        return refusal(403, "session_not_found")

    supabase.faults[USER] = signed_out
    await refused(verifier, token)

    assert verifier.get_remembered(token) is None


def test_the_library_would_refuse_a_confused_secret_as_well(supabase):
    # Pins why `confused` signs by hand.
    with pytest.raises(Exception, match="asymmetric key"):
        PyJWS().encode(b"{}", public_pem(supabase.pair.private), "HS256")


class Granted:
    """Access tokens in front of one verifier, and which of their grants were revoked."""

    def __init__(self, supabase, clock):
        self.supabase, self.clock = supabase, clock
        self.revoked, self.is_down, self.asked = set(), False, 0
        self.seal = Seal([b"k" * 32])
        self.tokens = AccessTokens(self.seal, self, {RESOURCE: ORIGIN}, clock)

    async def is_revoked(self, gid):
        self.asked += 1
        if self.is_down:
            raise StoreDown("down")
        return gid in self.revoked

    def make(self, jwt=None, **changed):
        claims = {"gid": "g1", "client_id": "c1", "scope": "atoms:read", "iss": ORIGIN}
        claims |= {"aud": RESOURCE, "exp": int(self.clock.now) + 600}
        return self.tokens.make(
            AccessClaims(jwt=self.supabase.token() if jwt is None else jwt, **claims | changed)
        )


@pytest.fixture
def granted(supabase, clock):
    return Granted(supabase, clock)


@pytest.mark.parametrize("mode", MODES)
async def test_a_sealed_token_gives_the_user_and_what_was_granted(supabase, make, granted, mode):
    jwt = supabase.token()
    token = granted.make(jwt)

    caller = await make(mode, access=granted.tokens).verify(token)

    assert (caller.user_id, caller.session_id) == (supabase.user_id, "session-1")
    assert (caller.token, caller.presented) == (jwt, token)
    assert (caller.client_id, caller.grant_id) == ("c1", "g1")
    assert caller.scopes == {"atoms:read"}
    assert supabase.count(USER) == (0 if mode == "jwt" else 1)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("atoms:write", {"atoms:read", "atoms:write"}),
        ("atoms:read offline_access", {"atoms:read"}),
        ("", set()),
        ("openid", set()),
    ],
)
async def test_writing_implies_reading_and_nothing_implies_nothing(make, granted, scope, allowed):
    caller = await make(access=granted.tokens).verify(granted.make(scope=scope))

    assert caller.scopes == allowed


@pytest.mark.parametrize("mode", MODES)
async def test_a_sealed_token_is_verified_once(supabase, make, granted, mode):
    verifier, token = make(mode, access=granted.tokens), granted.make()
    first = await verifier.verify(token)
    supabase.seen.clear()

    assert verifier.get_remembered(token) is first
    assert await verifier.verify(token) is first
    assert (supabase.seen, granted.asked) == ([], 1)


async def test_a_sealed_token_ends_with_itself_and_with_what_is_inside(make, granted, clock):
    verifier = make(access=granted.tokens)
    short = granted.make(granted.supabase.token(exp=int(clock.now) + 5))
    long = granted.make()
    assert (await verifier.verify(short)).expires_at == int(clock.now) + 5
    assert (await verifier.verify(long)).expires_at == int(clock.now) + 600
    clock.now += 5
    assert await refused(verifier, short) == "expired"
    clock.now += 595
    assert await refused(verifier, long) == "expired"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://other.example/api/mcp"},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"jwt": "a.b.c"},
        {"jwt": ""},
        {"jwt": "a.b.c.d.e"},
    ],
)
async def test_a_sealed_token_that_is_not_for_here_is_refused(
    supabase, make, granted, mode, changed
):
    await refused(make(mode, access=granted.tokens), granted.make(**changed))

    assert supabase.seen == []


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_inside_is_checked_like_any_other_token(supabase, make, granted, mode):
    verifier = make(mode, access=granted.tokens)
    for changed in ({"exp": 1}, {"iss": "x"}, {"role": "anon"}, {"sub": "1"}, {"aud": "x"}):
        await refused(verifier, granted.make(supabase.token(**changed)))
    nested = granted.make(granted.make())
    await refused(verifier, nested)
    assert supabase.seen == []


async def test_a_session_that_was_signed_out_ends_its_sealed_tokens(supabase, make, granted, clock):
    verifier, token = make("simple", access=granted.tokens), granted.make()
    await verifier.verify(token)
    supabase.ended.add("session-1")
    clock.now += 15

    assert await refused(verifier, token) == "signed out"


@pytest.mark.parametrize("mode", MODES)
async def test_a_grant_that_was_revoked_elsewhere_ends_within_the_window(
    make, granted, clock, mode
):
    verifier, token = make(mode, access=granted.tokens), granted.make()
    await verifier.verify(token)
    granted.revoked.add("g1")
    clock.now += 14.9
    await verifier.verify(token)
    clock.now += 0.2

    assert await refused(verifier, token) == "revoked"
    assert await refused(make(mode, access=granted.tokens), token) == "revoked"


@pytest.mark.parametrize(("mode", "window_s"), [("simple", 5), ("jwt", 15)])
async def test_the_window_is_the_setting_but_in_jwt_mode_not_below_its_own(
    make, granted, clock, mode, window_s
):
    verifier, token = make(mode, access=granted.tokens, session_check_s=5), granted.make()
    await verifier.verify(token)
    clock.now += window_s - 0.1
    assert verifier.get_remembered(token) is not None
    clock.now += 0.1
    assert verifier.get_remembered(token) is None


async def test_a_grant_that_is_revoked_here_ends_at_once(make, granted):
    verifier, token, other = make(access=granted.tokens), granted.make(), granted.make(gid="g2")
    await verifier.verify(token)
    await verifier.verify(other)

    verifier.forget_grant("g1")

    assert verifier.get_remembered(token) is None
    assert await refused(verifier, token) == "revoked"
    assert verifier.get_remembered(other) is not None


async def test_only_so_many_revocations_are_remembered(make, granted):
    verifier = make(access=granted.tokens, max_remembered=1)
    verifier.forget_grant("g1")
    verifier.forget_grant("g2")

    assert await verifier.verify(granted.make())
    assert await refused(verifier, granted.make(gid="g2")) == "revoked"


async def test_without_a_store_who_was_known_goes_on_and_nobody_else(make, granted, clock):
    verifier, known, fresh = make(access=granted.tokens), granted.make(), granted.make()
    await verifier.verify(known)
    granted.is_down = True
    clock.now += 20

    assert await verifier.verify(known)
    with pytest.raises(StoreDown):
        await verifier.verify(fresh)


@pytest.mark.parametrize("mode", MODES)
async def test_sealed_bombs_are_refused_before_they_are_opened(supabase, make, granted, mode):
    def head(**header):
        return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()

    good = {"alg": "dir", "enc": "A256GCM", "purpose": "access"}
    bombs = [
        head(alg="PBES2-HS256+A128KW", enc="A128CBC-HS256", p2c=200_000_000, p2s="YQ") + ".a.b.c.d",
        head(**good, zip="DEF") + ".." + "a" * 5000 + ".b.c",
        head(**good) + "..a.b.c",
        head(**good) + "." * 4,
        head(**{**good, "purpose": "refresh"}) + "..a.b.c",
        "." * 4,
        "a" * MAX_TOKEN_BYTES + "....",
    ]
    verifier = make(mode, access=granted.tokens)
    for bomb in bombs:
        await refused(verifier, bomb)

    assert (supabase.seen, granted.asked) == ([], 0)


@pytest.mark.parametrize("mode", MODES)
async def test_where_no_supabase_tokens_are_taken_only_sealed_ones_are(
    supabase, make, granted, mode
):
    verifier = make(mode, access=granted.tokens, accepts_jwt=False)

    for token in (supabase.token(), supabase.token(client_id="c")):
        assert "not taken here" in await refused(verifier, token)
    assert supabase.seen == []
    assert await verifier.verify(granted.make())


async def test_delegated_tokens_are_those_of_a_client(supabase, make):
    verifier = make("delegated", accepts_jwt=False)

    caller = await verifier.verify(supabase.token(client_id="c9", scope="email"))
    assert caller.client_id == "c9"
    assert caller.grant_id is None
    assert caller.scopes == {"atoms:read", "atoms:write"}
    assert supabase.count(USER) == 1
    assert "not taken here" in await refused(verifier, supabase.token())
    assert await make("delegated").verify(supabase.token())


async def test_one_open_question_forgets_no_token(supabase, make, granted, clock):
    """An answer that is late while the store is lost leaves the token known for the next time."""
    verifier, token = make("simple", access=granted.tokens), granted.make()
    await verifier.verify(token)
    clock.now += 20
    granted.is_down = True
    supabase.faults[USER] = answering(503)
    with pytest.raises(SupabaseError):
        await verifier.verify(token)

    supabase.faults.clear()

    assert (await verifier.verify(token)).grant_id == "g1"


async def test_a_token_that_is_refused_is_forgotten(supabase, make, clock):
    verifier, token = make("simple"), supabase.token()
    await verifier.verify(token)
    clock.now += 20
    supabase.ended.add("session-1")
    assert await refused(verifier, token) == "signed out"
    supabase.faults[JWKS_PATH] = answering(503)
    supabase.ended.clear()
    clock.now += 3600

    assert await refused(verifier, token) == "expired"


@pytest.mark.parametrize("mode", MODES)
async def test_few_tokens_that_cannot_be_checked_here_are_asked_about_at_once(
    supabase, make, monkeypatch, mode
):
    monkeypatch.setattr(module, "MAX_UNPROVED", 2)
    monkeypatch.setattr(module, "TURN_S", 0.05)
    verifier = make(mode)
    forged = [forge({"alg": "HS256"}, supabase.claims(iat=n)) for n in range(5)]
    supabase.faults[USER] = supabase.hang

    asked = [asyncio.create_task(verifier.verify(token)) for token in forged]
    done, waiting = await asyncio.wait(asked, timeout=2, return_when=asyncio.ALL_COMPLETED)

    assert {task.exception().kind for task in done} == {"busy"}
    assert (len(done), len(waiting)) == (3, 2)
    assert supabase.count(USER) == 2
    supabase.released.set()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_is_proved_waits_for_nobody(supabase, make, monkeypatch, granted):
    monkeypatch.setattr(module, "MAX_UNPROVED", 0)
    monkeypatch.setattr(module, "TURN_S", 0.01)

    assert await make("simple").verify(supabase.token())
    assert await make("bearer", access=granted.tokens).verify(granted.make())
    with pytest.raises(SupabaseError) as caught:
        await make("bearer").verify(supabase.token())
    assert caught.value.kind == "busy"
