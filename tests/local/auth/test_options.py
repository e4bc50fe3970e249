from atoms_mcp.local.auth.options import Options, read_options
from atoms_mcp.settings import StackSettings, load


def test_a_project_is_set_up_as_the_settings_say():
    told = {
        "ATOMS_LOCAL_TOKEN_LIFE_S": "5",
        "ATOMS_LOCAL_SITE_URL": "http://127.0.0.1:9000/",
        "ATOMS_LOCAL_SIGNUP": "off",
        "ATOMS_LOCAL_AUTOCONFIRM": "off",
        "ATOMS_LOCAL_CAPTCHA": "on",
        "ATOMS_LOCAL_DEMO_PROVIDER": "on",
        "ATOMS_LOCAL_OAUTH_SERVER": "on",
    }

    assert read_options(load(StackSettings, told)) == Options(
        token_life_s=5,
        site_url="http://127.0.0.1:9000",
        has_signup=False,
        has_autoconfirm=False,
        has_captcha=True,
        has_demo_provider=True,
        has_oauth_server=True,
    )


def test_without_settings_it_is_open_and_plain():
    assert read_options(load(StackSettings, {})) == Options()
