"""What a project's Auth says of itself: which ways to sign in there are.

Source: Supabase Auth API (`GET /settings`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atoms_mcp.supabase.session import read_object

# Switches beside the providers' that are no provider to go to.
NOT_PROVIDERS = frozenset({"email", "phone", "anonymous_users"})


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """The ways to sign in that work. `providers` are the names of external ones, in order.

    `is_autoconfirm` says that a new account is signed in at once, without a mail to confirm.
    """

    providers: tuple[str, ...]
    has_email: bool
    allows_sign_up: bool
    is_autoconfirm: bool


def read_project(body: Mapping[str, Any]) -> ProjectSettings:
    """Read the settings; what is not said is off.

    Raises:
        SupabaseError: (wrong) there is no list of providers.
    """
    external = read_object(body.get("external"))
    return ProjectSettings(
        providers=tuple(
            sorted(
                name
                for name, is_on in external.items()
                if is_on is True and name not in NOT_PROVIDERS
            )
        ),
        has_email=external.get("email") is True,
        allows_sign_up=body.get("disable_signup") is False,
        is_autoconfirm=body.get("mailer_autoconfirm") is True,
    )
