import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
from auth_world import ANON_KEY, ISSUER

from atoms_mcp.local.auth import code_store, letters
from atoms_mcp.local.auth import store as auth_store
from atoms_mcp.local.auth.context import Context
from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.letters import Way, hash_code
from atoms_mcp.local.auth.limits import Buckets, Limits
from atoms_mcp.local.auth.pkce import Challenge

HERE = Way("http://127.0.0.1:5/back?a=1", None)
CHALLENGE = Challenge("c" * 43, "s256")


@pytest.fixture
def write(pool, ring, clock, connection):
    """Mail something to an address, and give what was mailed."""
    limits = {}
    context = None

    async def send(kind="magiclink", way=HERE, email="ann@example.com", **more):
        nonlocal context
        if context is None:
            limits.update(more)
            context = Context(pool, ring, ISSUER, ANON_KEY, Limits(**limits), now=clock)
        user = await auth_store.get_user_by_email(connection, email)
        if user is None:
            user = await auth_store.add_user(connection, email, None, {})
        await letters.send(context, connection, user, kind, way)
        return context.mailbox.find(email)[0]

    return send


@pytest.mark.parametrize("kind", ["signup", "magiclink", "recovery"])
async def test_a_mail_holds_a_code_and_a_link_to_the_same(write, connection, kind):
    mail = await write(kind)

    link = urlsplit(mail.link)
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    token_hash = hash_code(mail.to, mail.code)
    assert (mail.kind, mail.code.isdigit(), len(mail.code)) == (kind, True, 6)
    assert mail.link.startswith(f"{ISSUER}/verify?")
    assert query == {"token": token_hash, "type": kind, "redirect_to": HERE.redirect_to}
    token_type = letters.KINDS[kind].token_type
    assert await code_store.take_token(
        connection, token_types=[token_type], token_hashes=[token_hash]
    )


async def test_the_time_of_the_last_mail_is_known(write, connection, clock):
    await write("recovery")

    user = await auth_store.get_user_by_email(connection, "ann@example.com")
    assert user.times["recovery_sent_at"].timestamp() == pytest.approx(clock(), abs=5)
    assert "confirmation_sent_at" not in user.times


async def test_a_link_with_a_challenge_comes_back_with_a_code(write, connection):
    mail = await write("recovery", Way("http://127.0.0.1:5/", CHALLENGE))

    user = await auth_store.get_user_by_email(connection, "ann@example.com")
    flow = await code_store.get_flow_of(connection, user.id, "recovery")
    assert "token=pkce_" in mail.link
    assert (flow.challenge, flow.redirect_to) == (CHALLENGE, "http://127.0.0.1:5/")


async def test_two_mails_to_one_address_lie_apart(write, clock):
    await write("magiclink", mail_gap_s=60.0)

    with pytest.raises(AuthError, match=r"over_email_send_rate_limit.* after 60 seconds") as one:
        await write("recovery")
    await write("signup")
    clock.advance(60)
    await write("recovery")

    assert one.value.status == 429


async def test_the_project_sends_so_many_mails_and_no_more(write):
    await write(email="a@example.com", mails=Buckets("1 per hour", burst=1))

    with pytest.raises(AuthError, match="over_email_send_rate_limit: email rate limit exceeded"):
        await write(email=f"{uuid.uuid4().hex}@example.com")
