"""What Auth says about itself: health, settings, keys and metadata.

Source: OpenID Connect Discovery 1.0 section 3.
"""

from typing import Any

from aiohttp import web

from atoms_mcp import __version__
from atoms_mcp.local.auth.errors import AuthError, json_response
from atoms_mcp.local.auth.options import DEMO_PROVIDER, Options
from atoms_mcp.local.keys import ALGORITHM, KeyRing

CACHED = {"Cache-Control": "public, max-age=600"}
PROVIDERS = (
    "anonymous_users",
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "kakao",
    "keycloak",
    "linkedin_oidc",
    "notion",
    "phone",
    "slack_oidc",
    "spotify",
    "twitch",
    "twitter",
    "workos",
    "zoom",
)


class Discovery:
    """Handlers of the endpoints that need no user."""

    def __init__(self, ring: KeyRing, issuer: str, options: Options) -> None:
        self._ring = ring
        self._issuer = issuer
        self._options = options

    async def health(self, _request: web.Request) -> web.Response:
        """Say that Auth answers: GET /health."""
        return json_response(
            {
                "version": f"v{__version__}",
                "name": "GoTrue",
                "description": "The embedded stack of atoms-mcp, which speaks Supabase Auth",
            }
        )

    async def settings(self, _request: web.Request) -> web.Response:
        """Say how one may sign in: GET /settings."""
        return json_response(render_settings(self._options))

    async def jwks(self, _request: web.Request) -> web.Response:
        """Publish the public keys: GET /.well-known/jwks.json."""
        return json_response(self._ring.jwks(), headers=CACHED)

    async def openid_configuration(self, _request: web.Request) -> web.Response:
        """Publish the metadata; as the real one it lists OAuth endpoints that are off."""
        return json_response(self._metadata(), headers=CACHED)

    async def oauth_metadata(self, request: web.Request) -> web.Response:
        """Publish the metadata of the OAuth server, where there is one.

        Source: RFC 8414 section 3.1.
        """
        if not self._options.has_oauth_server:
            return await self.oauth_off(request)
        return json_response(self._metadata(), headers=CACHED)

    async def oauth_off(self, _request: web.Request) -> web.Response:
        """Answer for what there is of the OAuth server only where it is on, if anything."""
        if self._options.has_oauth_server:
            raise AuthError(404, "not_found", "Not Found")
        raise AuthError(404, "feature_disabled", "OAuth server is not enabled")

    def _metadata(self) -> dict[str, Any]:
        told = openid_configuration(self._issuer)
        if self._options.has_oauth_server:
            told["registration_endpoint"] = f"{self._issuer}/oauth/clients/register"
        return told


def render_settings(options: Options) -> dict[str, Any]:
    """Give what the project lets people do; pages choose their buttons by it."""
    external = {"email": True, **dict.fromkeys(PROVIDERS, False)}
    if options.has_demo_provider:
        external[DEMO_PROVIDER] = True
    return {
        "external": external,
        "disable_signup": not options.has_signup,
        "mailer_autoconfirm": options.has_autoconfirm,
        "phone_autoconfirm": False,
        "sms_provider": "",
        "saml_enabled": False,
        "saml_private_key_next_configured": False,
        "passkeys_enabled": False,
    }


def openid_configuration(issuer: str) -> dict[str, Any]:
    """Give the metadata document of `issuer`."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": ["openid", "profile", "email", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
    }
