"""A user of Auth: the row as a record, the record as clients read it.

Source: Supabase Auth API (the user object; times in RFC 3339).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

# Omitted from the user object where empty.
OPTIONAL_TIMES = (
    "email_confirmed_at",
    "phone_confirmed_at",
    "confirmed_at",
    "invited_at",
    "confirmation_sent_at",
    "recovery_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


@dataclass(frozen=True, slots=True)
class User:
    """One account; `times` holds created_at, updated_at and what is set of `OPTIONAL_TIMES`."""

    id: uuid.UUID
    aud: str
    role: str
    email: str
    phone: str
    app_metadata: Mapping[str, Any]
    user_metadata: Mapping[str, Any]
    identities: tuple[Mapping[str, Any], ...]
    factors: tuple[Mapping[str, Any], ...]
    times: Mapping[str, datetime]
    is_anonymous: bool
    password_hash: str | None = field(repr=False)

    def is_banned(self, now: float) -> bool:
        """Tell whether a ban holds at `now` (Unix seconds)."""
        until = self.times.get("banned_until")
        return until is not None and until.timestamp() > now

    def is_confirmed(self) -> bool:
        """Tell whether the address was confirmed."""
        return "email_confirmed_at" in self.times

    def has_second_factor(self) -> bool:
        """Tell whether a second factor was verified once, so that it is asked for."""
        return any(factor["status"] == "verified" for factor in self.factors)


def read_user(row: Mapping[str, Any]) -> User:
    """Make the record of a row of `auth_store.USER`."""
    times = {name: row[name] for name in (*OPTIONAL_TIMES, "created_at", "updated_at") if row[name]}
    return User(
        id=row["id"],
        aud=row["aud"],
        role=row["role"],
        email=row["email"] or "",
        phone=row["phone"] or "",
        app_metadata=orjson.loads(row["raw_app_meta_data"]),
        user_metadata=orjson.loads(row["raw_user_meta_data"]),
        identities=tuple(orjson.loads(row["identities"])),
        factors=tuple(orjson.loads(row["factors"])),
        times=times,
        is_anonymous=row["is_anonymous"],
        password_hash=row["encrypted_password"],
    )


def render_user(user: User) -> dict[str, Any]:
    """Give the user object of the API."""
    return {
        "id": str(user.id),
        "aud": user.aud,
        "role": user.role,
        "email": user.email,
        "phone": user.phone,
        **{name: render_time(at) for name, at in user.times.items()},
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "identities": user.identities,
        **({"factors": user.factors} if user.factors else {}),
        "is_anonymous": user.is_anonymous,
    }


def render_time(at: datetime) -> str:
    """Give RFC 3339 with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
