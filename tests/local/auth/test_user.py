import uuid
from datetime import UTC, datetime, timedelta, timezone

from supabase_auth.types import User as OfficialUser

from atoms_mcp.local.auth.user import OPTIONAL_TIMES, read_user, render_time, render_user

AT = datetime(2026, 11, 23, 2, 34, 13, 5, UTC)
ROW = {
    "id": uuid.UUID("6f0b0c56-54a5-4a52-9d9e-0c5d3f0f7c11"),
    "aud": "authenticated",
    "role": "authenticated",
    "email": None,
    "phone": None,
    "encrypted_password": "$2b$10$secret",
    "raw_app_meta_data": '{"provider": "email"}',
    "raw_user_meta_data": "{}",
    "identities": "[]",
    "factors": "[]",
    "is_anonymous": False,
    "created_at": AT,
    "updated_at": AT,
    **dict.fromkeys(OPTIONAL_TIMES),
}


def test_empty_times_are_left_out_and_empty_addresses_are_texts():
    shown = render_user(read_user(ROW))

    assert not set(OPTIONAL_TIMES) & set(shown)
    assert shown["email"] == shown["phone"] == ""
    assert shown["created_at"] == "2026-11-23T02:34:13.000005Z"


def test_the_official_client_reads_it():
    user = OfficialUser.model_validate(render_user(read_user({**ROW, "last_sign_in_at": AT})))

    assert user.last_sign_in_at == AT
    assert user.id == str(ROW["id"])


def test_the_password_is_shown_to_nobody():
    user = read_user(ROW)

    assert "secret" not in repr(user)
    assert "secret" not in str(render_user(user))


def test_a_ban_ends_at_its_time():
    user = read_user({**ROW, "banned_until": AT})

    assert user.is_banned(AT.timestamp() - 1)
    assert not user.is_banned(AT.timestamp())
    assert not read_user(ROW).is_banned(0)


def test_an_address_is_confirmed_when_there_is_a_time_of_it():
    assert read_user({**ROW, "email_confirmed_at": AT}).is_confirmed()
    assert not read_user(ROW).is_confirmed()


def test_times_are_told_in_utc():
    elsewhere = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))

    assert render_time(elsewhere) == "2025-12-31T23:00:00Z"
