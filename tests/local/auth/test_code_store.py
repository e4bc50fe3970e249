import uuid
from datetime import UTC, datetime, timedelta

from atoms_mcp.local.auth import code_store
from atoms_mcp.local.auth.code_store import Departure, Taken
from atoms_mcp.local.auth.pkce import Challenge

AT = datetime(2026, 11, 23, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)
CHALLENGE = Challenge("c" * 43, "s256")


async def put(connection, user, token_hash, at=AT, kept_as="recovery_token"):
    await code_store.put_token(
        connection, user.id, token_type=kept_as, token_hash=token_hash, at=at
    )


async def take(connection, *token_hashes, token_types=("recovery_token",)):
    return await code_store.take_token(
        connection, token_types=token_types, token_hashes=token_hashes
    )


async def test_a_token_is_taken_once(connection, user):
    await put(connection, user, "h")

    assert await take(connection, "other") is None
    assert await take(connection, "h", token_types=("confirmation_token",)) is None
    assert await take(connection, "other", "h") == Taken(user.id, AT)
    assert await take(connection, "h") is None


async def test_a_new_token_takes_the_place_of_the_last_of_its_type(connection, user):
    await put(connection, user, "first")
    await put(connection, user, "confirms", kept_as="confirmation_token")
    await put(connection, user, "second", LATER)

    assert await take(connection, "first") is None
    assert await take(connection, "second") == Taken(user.id, LATER)
    assert await take(connection, "confirms", token_types=("confirmation_token",))


async def test_a_flow_comes_back_as_it_left(connection, user):
    departure = Departure("demo", "oauth", "http://back", CHALLENGE)
    flow_id = await code_store.add_flow(connection, departure, AT)

    left = await code_store.get_flow(connection, flow_id)
    await code_store.finish_flow(connection, flow_id, user.id, LATER)
    back = await code_store.get_flow_by_code(connection, left.auth_code)

    assert (left.user_id, left.issued_at, left.redirect_to) == (None, AT, "http://back")
    assert (back.user_id, back.issued_at, back.challenge) == (user.id, LATER, CHALLENGE)
    assert CHALLENGE.value not in repr(back)
    await code_store.remove_flow(connection, flow_id)
    assert await code_store.get_flow(connection, flow_id) is None


async def test_the_newest_flow_of_a_user_and_a_method_counts(connection, user):
    for at, to in ((AT, "first"), (LATER, "second")):
        departure = Departure("email", "magiclink", to, CHALLENGE)
        await code_store.add_flow(connection, departure, at, user.id)

    found = await code_store.get_flow_of(connection, user.id, "magiclink")

    assert found.redirect_to == "second"
    assert await code_store.get_flow_of(connection, user.id, "recovery") is None
    assert await code_store.get_flow_of(connection, uuid.uuid4(), "magiclink") is None


async def test_flows_that_nobody_came_back_for_are_forgotten(connection):
    old = await code_store.add_flow(connection, Departure("demo", "oauth", "x", None), AT)
    new = await code_store.add_flow(connection, Departure("demo", "oauth", "x", None), LATER)

    await code_store.remove_old(connection, LATER)

    assert await code_store.get_flow(connection, old) is None
    assert (await code_store.get_flow(connection, new)).challenge is None
