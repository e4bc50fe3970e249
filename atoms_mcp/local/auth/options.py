"""How the project is set up, as its owner would choose in Supabase's dashboard.

Source: Supabase documentation, "General configuration".
"""

from dataclasses import dataclass

from atoms_mcp.settings import StackSettings

ACCESS_TOKEN_S = 3600
SITE_URL = "http://127.0.0.1:8000"
DEMO_PROVIDER = "demo"


@dataclass(frozen=True, slots=True)
class Options:
    """The switches; `site_url` is where browsers go that named no other place."""

    token_life_s: int = ACCESS_TOKEN_S
    site_url: str = SITE_URL
    has_signup: bool = True
    has_autoconfirm: bool = True
    has_captcha: bool = False
    has_demo_provider: bool = False
    has_oauth_server: bool = False


def read_options(settings: StackSettings) -> Options:
    """Give the switches as the settings say."""
    return Options(
        token_life_s=settings.token_life_s,
        site_url=settings.site_url.rstrip("/"),
        has_signup=settings.signup == "on",
        has_autoconfirm=settings.autoconfirm == "on",
        has_captcha=settings.captcha == "on",
        has_demo_provider=settings.demo_provider == "on",
        has_oauth_server=settings.oauth_server == "on",
    )
