import asyncio
import traceback

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from supabase_double import FAULTS, SigningPair, answering

from atoms_mcp.identity.jwks import FRESH_S, RETRY_S, STALE_S, UNKNOWN_KID_S, Jwks, read_keys
from atoms_mcp.supabase.auth import JWKS_PATH, SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire


@pytest.fixture
async def jwks(supabase, clock):
    wire = Wire(supabase.settings())
    yield Jwks(SupabaseAuth(wire), now=clock)
    await wire.close()


async def test_a_key_is_found_by_its_id(supabase, jwks):
    key = await jwks.find("first")

    assert (key.kid, key.algorithm) == ("first", "ES256")
    assert key.key.public_numbers() == supabase.pair.private.public_key().public_numbers()


async def test_keys_are_fetched_once_for_all(supabase, jwks):
    await asyncio.gather(*(jwks.find("first") for _ in range(20)))
    await jwks.find("first")

    assert supabase.count(JWKS_PATH) == 1


async def test_keys_are_fetched_again_after_ten_minutes(supabase, jwks, clock):
    await jwks.find("first")
    clock.now += FRESH_S
    supabase.jwks = []

    assert await jwks.find("first") is None


async def test_a_key_of_a_rotation_is_found_at_once(supabase, jwks, clock):
    await jwks.find("first")
    clock.now += 1
    supabase.jwks = [supabase.pair.jwk, SigningPair("second").jwk]

    assert (await jwks.find("second")).kid == "second"
    assert (await jwks.find("first")).kid == "first"


async def test_made_up_ids_cost_one_fetch_in_thirty_seconds(supabase, jwks, clock):
    await jwks.load()
    for number in range(150):
        clock.now += 0.1
        assert await jwks.find(f"made-up-{number}") is None

    assert supabase.count(JWKS_PATH) == 2

    clock.now += UNKNOWN_KID_S
    await jwks.find("made-up")
    assert supabase.count(JWKS_PATH) == 3


async def test_without_an_id_the_only_key_is_meant(supabase, jwks, clock):
    assert (await jwks.find(None)).kid == "first"

    supabase.jwks = [supabase.pair.jwk, SigningPair("second").jwk]
    clock.now += FRESH_S
    assert await jwks.find(None) is None


async def test_a_project_may_have_no_keys(supabase, jwks):
    supabase.jwks = []

    assert await jwks.find("first") is None
    assert (await jwks.load()).keys == ()


@pytest.mark.parametrize("fault", [pytest.param(row[0], id=name) for name, row in FAULTS.items()])
async def test_keys_serve_on_while_auth_cannot_be_asked(supabase, jwks, clock, fault):
    await jwks.load()
    supabase.faults[JWKS_PATH] = fault

    clock.now += FRESH_S
    assert (await jwks.find("first")).kid == "first"
    clock.now += STALE_S - 1
    assert (await jwks.find("first")).kid == "first"


async def test_old_keys_do_not_serve_for_ever(supabase, jwks, clock):
    await jwks.load()
    supabase.faults[JWKS_PATH] = answering(503)
    clock.now += FRESH_S + STALE_S

    with pytest.raises(SupabaseError):
        await jwks.find("first")


async def test_nobody_waits_long_for_newer_keys_when_old_ones_do(
    supabase, jwks, clock, monkeypatch
):
    monkeypatch.setattr("atoms_mcp.identity.jwks.PATIENCE_S", 0.01)
    await jwks.load()
    supabase.faults[JWKS_PATH] = supabase.hang
    clock.now += FRESH_S

    assert (await jwks.find("first")).kid == "first"


async def test_without_any_keys_nobody_can_tell(supabase, jwks):
    supabase.faults[JWKS_PATH] = answering(503)

    with pytest.raises(SupabaseError):
        await jwks.find("first")


async def test_an_unknown_key_in_an_outage_is_neither_yes_nor_no(supabase, jwks, clock):
    await jwks.load()
    supabase.faults[JWKS_PATH] = answering(503)
    clock.now += 1

    with pytest.raises(SupabaseError):
        await jwks.find("second")
    assert (await jwks.find("first")).kid == "first"


async def test_an_outage_is_not_hammered_and_is_soon_over(supabase, jwks, clock):
    supabase.faults[JWKS_PATH] = answering(500, b'{"code":"x"}')
    for _ in range(20):
        with pytest.raises(SupabaseError):
            await jwks.find("first")
    assert supabase.count(JWKS_PATH) == 1

    supabase.faults.clear()
    clock.now += RETRY_S
    assert (await jwks.find("first")).kid == "first"


async def test_a_failure_that_is_told_again_and_again_does_not_grow(supabase, jwks):
    supabase.faults[JWKS_PATH] = answering(500, b'{"code":"x"}')
    told = []
    for _ in range(3):
        with pytest.raises(SupabaseError) as caught:
            await jwks.find("first")
        told.append(caught.value)

    assert [(exc.kind, exc.status, exc.code) for exc in told] == [("wrong", 500, "x")] * 3
    lengths = [len(list(traceback.walk_tb(exc.__traceback__))) for exc in told]
    assert lengths[1] == lengths[2]
    assert told[1] is not told[2]


def jwk(algorithm, private, **more):
    import json  # noqa: PLC0415 - near its use

    return {**json.loads(algorithm.to_jwk(private.public_key())), "kid": "k", **more}


RSA = rsa.generate_private_key(65537, 2048)
SHORT_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it has to be refused
EC = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    ("listed", "algorithm"),
    [
        pytest.param(jwk(ECAlgorithm, EC), "ES256", id="ec"),
        pytest.param(jwk(RSAAlgorithm, RSA), "RS256", id="rsa"),
        pytest.param(
            jwk(OKPAlgorithm, ed25519.Ed25519PrivateKey.generate()), "EdDSA", id="ed25519"
        ),
        pytest.param(jwk(ECAlgorithm, EC, alg="ES256", use="sig"), "ES256", id="said-so"),
        pytest.param(jwk(ECAlgorithm, EC, kid=None), "ES256", id="no-kid"),
        pytest.param(jwk(ECAlgorithm, EC, d="private?"), "ES256", id="private-part-ignored"),
        pytest.param(
            jwk(RSAAlgorithm, RSA, x5u="http://evil", jku="http://evil"), "RS256", id="urls"
        ),
    ],
)
def test_a_key_has_one_algorithm_that_follows_from_its_kind(listed, algorithm):
    (key,) = read_keys([listed])

    assert key.algorithm == algorithm
    assert not hasattr(key.key, "private_numbers")


@pytest.mark.parametrize(
    "listed",
    [
        pytest.param({"kty": "oct", "k": "c2VjcmV0", "kid": "k"}, id="symmetric"),
        pytest.param(jwk(RSAAlgorithm, RSA, alg="HS256"), id="rsa-as-hmac"),
        pytest.param(jwk(RSAAlgorithm, RSA, alg="RS512"), id="other-hash"),
        pytest.param(jwk(ECAlgorithm, EC, alg=["ES256"]), id="odd-alg"),
        pytest.param(jwk(ECAlgorithm, EC, use="enc"), id="for-encryption"),
        pytest.param(jwk(ECAlgorithm, EC, kid=7), id="odd-kid"),
        pytest.param(jwk(ECAlgorithm, EC, x="!"), id="no-base64"),
        pytest.param(jwk(ECAlgorithm, EC, x="AAAA"), id="no-point"),
        pytest.param(jwk(ECAlgorithm, EC, x=None), id="no-x"),
        pytest.param(jwk(ECAlgorithm, EC, x={}), id="odd-x"),
        pytest.param(jwk(ECAlgorithm, ec.generate_private_key(ec.SECP384R1())), id="p-384"),
        pytest.param(jwk(RSAAlgorithm, SHORT_RSA), id="short-rsa"),
        pytest.param({"kty": ["EC"], "crv": {}}, id="unhashable"),
        pytest.param({}, id="empty"),
        pytest.param("key", id="text"),
        pytest.param(None, id="null"),
    ],
)
def test_keys_that_are_not_for_us_are_passed_over(listed):
    assert len(read_keys([listed, jwk(ECAlgorithm, EC)])) == 1


def test_an_endless_list_is_cut():
    assert len(read_keys([jwk(ECAlgorithm, EC)] * 100)) == 32
