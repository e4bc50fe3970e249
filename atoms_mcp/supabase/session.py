"""What Auth says of a user and of a login, read into records or refused as ``wrong``.

Source: Supabase Auth API (token answer, user object).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from atoms_mcp.supabase.errors import SupabaseError


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor that a user enrolled; `name` is the user's own word for it, or empty.

    `type` is "totp", "phone" or "webauthn"; only a verified one is ever asked for.
    """

    id: str
    type: str
    is_verified: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A user as Auth knows them; `email` is empty for one who has none."""

    id: str
    email: str
    is_anonymous: bool
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """A login: what Supabase answers to a sign-in or a refresh.

    `expires_in_s` is the life of the access token when it was issued, `expires_at` its end in
    Unix seconds. A refresh token is good for one use.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: int
    expires_at: int
    user: User


def read_session(body: Mapping[str, Any]) -> Session:
    """Read the answer of every way to sign in.

    Raises:
        SupabaseError: (wrong) a part is missing or of another type.
    """
    return Session(
        access_token=read_text(body, "access_token"),
        refresh_token=read_text(body, "refresh_token"),
        expires_in_s=_number(body, "expires_in"),
        expires_at=_number(body, "expires_at"),
        user=read_user(read_object(body.get("user"))),
    )


def read_user(body: Mapping[str, Any]) -> User:
    """Read a user object.

    Raises:
        SupabaseError: (wrong) it has no id, or a factor without id or type.
    """
    factors = body.get("factors")
    return User(
        id=read_text(body, "id"),
        email=get_text(body, "email"),
        is_anonymous=body.get("is_anonymous") is True,
        factors=tuple(map(_factor, factors)) if isinstance(factors, list) else (),
    )


def read_object(parsed: object) -> dict[str, Any]:
    """Give what was parsed if it is a JSON object.

    Raises:
        SupabaseError: (wrong) it is not.
    """
    if not isinstance(parsed, dict):
        raise SupabaseError("wrong", "the answer is not a JSON object")
    return parsed


def read_text(body: Mapping[str, Any], name: str) -> str:
    """Give a text that has to be there.

    Raises:
        SupabaseError: (wrong) it is not, or is empty.
    """
    value = get_text(body, name)
    if not value:
        raise SupabaseError("wrong", f"the answer has no {name}")
    return value


def get_text(body: Mapping[str, Any], name: str) -> str:
    """Give a text that may be missing, or an empty one."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _factor(entry: object) -> Factor:
    body = read_object(entry)
    return Factor(
        id=read_text(body, "id"),
        type=read_text(body, "factor_type"),
        is_verified=body.get("status") == "verified",
        name=get_text(body, "friendly_name"),
    )


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise SupabaseError("wrong", f"the answer has no {name}")
    return value
