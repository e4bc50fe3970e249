import pytest

from atoms_mcp.supabase.errors import SupabaseError
from atoms_mcp.supabase.project import read_project

EXTERNAL = {"email": True, "phone": True, "anonymous_users": True, "google": True, "github": True}


def test_providers_are_named_in_order_and_others_are_no_providers():
    settings = read_project(
        {"external": EXTERNAL, "disable_signup": False, "mailer_autoconfirm": True}
    )

    assert settings.providers == ("github", "google")
    assert settings.has_email
    assert (settings.allows_sign_up, settings.is_autoconfirm) == (True, True)


@pytest.mark.parametrize("value", [None, False, "true", 1])
def test_what_is_not_said_plainly_is_off(value):
    settings = read_project(
        {
            "external": dict.fromkeys(EXTERNAL, value),
            "disable_signup": None,
            "mailer_autoconfirm": value,
        }
    )

    assert settings.providers == ()
    assert not any(
        (
            settings.has_email,
            settings.allows_sign_up,
            settings.is_autoconfirm,
        )
    )


@pytest.mark.parametrize("body", [{}, {"external": None}, {"external": []}])
def test_settings_without_providers_are_wrong(body):
    with pytest.raises(SupabaseError) as caught:
        read_project(body)

    assert caught.value.kind == "wrong"
