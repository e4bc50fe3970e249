import asyncio
import os
import stat

import orjson
import pytest
from supabase_double import answering, refusal

from atoms_mcp.identity.kept_login import MARGIN_S, KeptLogin, NoLogin
from atoms_mcp.identity.vault import FileVault
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.wire import Wire

TOKEN = "/auth/v1/token"


@pytest.fixture
async def auth(supabase):
    wire = Wire(supabase.settings())
    yield SupabaseAuth(wire)
    await wire.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "deep" / "login.json"


@pytest.fixture
def login(supabase, auth, clock, path):
    return KeptLogin(FileVault(path), auth, supabase.url, now=clock)


@pytest.fixture
async def session(supabase, auth, login):
    session = await auth.sign_in(supabase.email, supabase.password)
    await login.save(session)
    supabase.seen.clear()
    return session


async def test_a_kept_login_gives_its_token(supabase, login, session):
    assert await login.token() == session.access_token
    assert supabase.seen == []


@pytest.mark.usefixtures("session")
async def test_only_its_owner_can_read_it(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


async def test_it_is_renewed_a_minute_before_its_end(supabase, login, session, clock, path):
    clock.now = session.expires_at - MARGIN_S - 1
    assert await login.token() == session.access_token

    clock.now = session.expires_at - MARGIN_S
    renewed = await login.token()
    assert supabase.count(TOKEN) == 1
    assert orjson.loads(path.read_bytes())["access_token"] == renewed
    assert orjson.loads(path.read_bytes())["refresh_token"] != session.refresh_token


async def test_many_who_ask_share_one_renewal(supabase, login, session, clock):
    clock.now = session.expires_at

    tokens = await asyncio.gather(*(login.token() for _ in range(10)))

    assert len(set(tokens)) == 1
    assert supabase.count(TOKEN) == 1


async def test_what_another_process_renewed_is_taken_over(
    supabase, auth, login, session, clock, path
):
    clock.now = session.expires_at
    other = KeptLogin(FileVault(path), auth, supabase.url, now=lambda: 0.0)

    async def renewed_meanwhile(_request):
        supabase.faults.clear()
        newer = orjson.loads(path.read_bytes()) | {
            "access_token": "newer",
            "refresh_token": "r2",
            "expires_at": session.expires_at + 3600,
        }
        path.write_bytes(orjson.dumps(newer))
        return refusal(400, "refresh_token_already_used")

    supabase.faults[TOKEN] = renewed_meanwhile

    assert await login.token() == "newer"
    assert await other.token() == "newer"
    assert supabase.count(TOKEN) == 1


async def test_what_another_process_keeps_is_seen_at_once(supabase, login, session, clock, path):
    clock.now = session.expires_at
    newer = orjson.loads(path.read_bytes()) | {
        "access_token": "newer",
        "expires_at": session.expires_at + 3600,
    }
    path.write_bytes(orjson.dumps(newer))

    assert await login.token() == "newer"
    assert supabase.seen == []


async def test_a_renewal_while_it_was_asked_for_is_not_done_again(supabase, session, clock, path):
    """The file changes between the first look and the turn to renew it."""
    clock.now = session.expires_at
    times = iter([session.expires_at, 0.0])
    late = KeptLogin(FileVault(path), None, supabase.url, now=lambda: next(times))

    assert await late.token() == session.access_token


@pytest.mark.parametrize("code", ["refresh_token_not_found", "session_expired", "user_banned"])
async def test_a_login_that_is_over_is_dropped(supabase, login, session, clock, code, path):
    clock.now = session.expires_at

    async def refuse(_request):
        return refusal(400, code)

    supabase.faults[TOKEN] = refuse

    with pytest.raises(NoLogin, match=r"ada@acme\.example is over; run: atoms-mcp login"):
        await login.token()
    assert not path.exists()


@pytest.mark.parametrize("status", [409, 429, 500, 503])
async def test_an_outage_does_not_drop_it(supabase, login, session, clock, status):
    clock.now = session.expires_at
    supabase.faults[TOKEN] = answering(status, b'{"code":"x","message":"m"}')

    with pytest.raises(SupabaseError):
        await login.token()

    supabase.faults.clear()
    assert await login.token()


@pytest.mark.parametrize("message", ["Invalid API key", "Unauthorized"])
async def test_a_wrong_key_of_the_project_does_not_drop_it(
    supabase, login, session, clock, message
):
    clock.now = session.expires_at
    supabase.faults[TOKEN] = answering(401, orjson.dumps({"message": message}))

    with pytest.raises(SupabaseError) as caught:
        await login.token()
    assert caught.value.kind == "wrong"

    supabase.faults.clear()
    assert await login.token()


async def test_without_a_file_nobody_is_logged_in(login):
    with pytest.raises(NoLogin, match="atoms-mcp login"):
        await login.token()


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"supabase_url":"x","more":1}', b"7"])
async def test_a_file_that_cannot_be_read_says_so(login, raw, path):
    path.write_bytes(raw)

    with pytest.raises(NoLogin, match="cannot be read"):
        await login.token()


@pytest.mark.usefixtures("session")
async def test_a_login_is_never_shown_to_another_project(auth, path):
    other = KeptLogin(FileVault(path), auth, "https://other.supabase.co")

    with pytest.raises(NoLogin, match=r"not to https://other\.supabase\.co"):
        await other.token()


@pytest.mark.usefixtures("session")
async def test_a_dropped_login_is_gone(login, path):
    await login.drop()
    await login.drop()

    assert not path.exists()


async def test_a_write_that_fails_leaves_the_old_login(login, session, monkeypatch, path):
    before = path.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        await login.save(session)

    assert path.read_bytes() == before
    assert [path.name for path in path.parent.iterdir()] == ["login.json"]


async def test_secrets_are_not_in_its_errors(supabase, login, session, clock):
    clock.now = session.expires_at
    supabase.faults[TOKEN] = answering(400, b'{"code":"session_expired","message":"m"}')

    with pytest.raises(NoLogin) as caught:
        await login.token()

    assert session.refresh_token not in repr(caught.getrepr(showlocals=False, style="short"))
