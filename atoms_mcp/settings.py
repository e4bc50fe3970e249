"""Every setting: its name, meaning, default and bounds; the environment becomes two frozen records.

`ServerSettings` is for the MCP server, `StackSettings` for the embedded stack.
`load` reads one of them from a mapping and reports all faults at once; nothing
else in the package reads the environment.
"""

import base64
import difflib
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import platformdirs
from limits import RateLimitItem, parse
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from atoms_mcp.errors import ConfigError

OWN_PREFIX = "ATOMS_"
MIN_SECRET_CHARS = 32
URL_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
# The first segment of every other path that is answered.
OWN_PLACES = frozenset(
    {".well-known", "account", "assets", "auth", "healthz", "oauth", "readyz", "recover"}
    | {"sign-in", "sign-up", "signed-in"}
)
# The JWT secret of every `supabase start`: whoever reads the documentation knows it.
PUBLIC_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105 - public


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name or an address literal) is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_url(value: str) -> str:
    """Refuse what is not an absolute http(s) URL; drop a trailing slash."""
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError("has a host or a port that is none") from None
    if not is_url:
        raise ValueError("is not a URL like https://abc.supabase.co")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must have no query, fragment or user name")
    return value.rstrip("/")


def check_base_url(value: str) -> str:
    """Refuse what is not the URL of a whole host: its sign-in pages live at the root."""
    url = check_url(value)
    if urlsplit(url).path:
        raise ValueError("must have no path, like https://mcp.example.com")
    return url


def check_path(value: str) -> str:
    """Refuse what is not an absolute URL path without a trailing slash."""
    if not URL_PATH.fullmatch(value):
        raise ValueError(
            "must begin with a slash and not end with one, like /api/mcp, and have nothing in it "
            "but letters, digits and . _ ~ -"
        )
    if value.split("/")[1] in OWN_PLACES:
        raise ValueError("is a place that this server has other uses for; take one like /api/mcp")
    return value


def check_host(value: str) -> str:
    """Refuse what is not a host as a Host header names it, with a port or without."""
    if not HOST.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a host like mcp.example.com or mcp.example.com:8443; "
            "leave out https:// and any path"
        )
    try:
        check_url(f"http://{value}")
    except ValueError:
        raise ValueError(f"{value!r} has a host or a port that is none") from None
    return value


def check_rate(value: str) -> str:
    """Refuse what is not a rate like "10 per 5 minute"."""
    try:
        parse(value)
    except ValueError:
        raise ValueError('is not a rate like "10 per 5 minute"') from None
    return value


def split_commas(value: Any) -> Any:  # noqa: ANN401 - what a validator is given
    """Turn "a, b" into ("a", "b"); leave anything but text alone."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def check_colour(value: str) -> str:
    """Refuse what is not a colour of six hexadecimal digits."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError("is not a colour like #3157d5")
    return value.lower()


def check_network(value: str) -> str:
    """Refuse what is not an address or a network of addresses."""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"{value!r} is not a network like 10.0.0.0/8") from None


Url = Annotated[str, AfterValidator(check_url)]
BaseUrl = Annotated[str, AfterValidator(check_base_url)]
UrlPath = Annotated[str, AfterValidator(check_path)]
Rate = Annotated[str, AfterValidator(check_rate)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_commas)]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(check_host)], ...],
    NoDecode,
    BeforeValidator(split_commas),
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(check_network)], ...],
    NoDecode,
    BeforeValidator(split_commas),
]
Colour = Annotated[str, AfterValidator(check_colour)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(split_commas)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
Patience = Annotated[float, Field(ge=0.01, le=60)]


def is_service_key(key: str) -> bool:
    """Tell whether a Supabase API key is one that passes row-level security.

    Source: Supabase API keys (new ones say it in their prefix, legacy ones in their `role` claim).
    """
    if key.startswith("sb_secret_"):
        return True
    payload = key.split(".")[1] if key.count(".") == 2 else ""  # noqa: PLR2004 - a JWT has three parts
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return False
    return isinstance(claims, dict) and claims.get("role") == "service_role"


def _named(*names: str, default: Any = ..., help: str) -> Any:  # noqa: A002, ANN401 - like Field itself
    return Field(default, validation_alias=AliasChoices(*names), description=help)


class CommonSettings(BaseSettings):
    """What the server and the embedded stack share."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but what `load` hands over."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    state_dir: Path = _named(
        "ATOMS_STATE_DIR",
        default=platformdirs.user_state_path("atoms-mcp"),
        help="Folder for what must outlive a restart: embedded data and keys, the kept login.",
    )
    rate_limits: Literal["on", "off"] = _named(
        "ATOMS_RATE_LIMITS",
        default="on",
        help="off lifts every rate limit, the gateway's too; only while bound to loopback.",
    )
    log_format: Literal["auto", "pretty", "json"] = _named(
        "ATOMS_LOG_FORMAT",
        default="auto",
        help="How log lines look; auto is pretty on a terminal and JSON otherwise.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _named(
        "ATOMS_LOG_LEVEL", default="info", help="The least level that is logged."
    )


class ServerSettings(CommonSettings):
    """The MCP server."""

    supabase_url: Url = _named(
        "NEXT_PUBLIC_SUPABASE_URL",
        "SUPABASE_URL",
        help="URL of the Supabase project, like https://abc.supabase.co.",
    )
    supabase_anon_key: SecretStr = _named(
        "NEXT_PUBLIC_SUPABASE_ANON_KEY",
        "SUPABASE_ANON_KEY",
        "SUPABASE_PUBLISHABLE_KEY",
        help="The project's anon or publishable key; never a service or secret key.",
    )
    jwt_secret: SecretStr | None = _named(
        "ATOMS_JWT_SECRET",
        "SUPABASE_JWT_SECRET",
        default=None,
        help="The legacy HS256 secret, for projects without asymmetric signing keys.",
    )
    auth_mode: Literal["simple", "bearer", "jwt", "delegated"] = _named(
        "ATOMS_FASTMCP_AUTH_MODE", default="simple", help="How tokens are checked; see Modes."
    )
    transport: Literal["http", "stdio"] = _named(
        "ATOMS_FASTMCP_TRANSPORT", default="http", help="What atoms-mcp serve speaks."
    )
    host: str = _named("ATOMS_FASTMCP_HOST", default="127.0.0.1", help="Address to bind.")
    port: Port = _named(
        "ATOMS_FASTMCP_PORT", default=8000, help="Port to bind; 0 picks a free one."
    )
    http_path: UrlPath = _named(
        "ATOMS_FASTMCP_HTTP_PATH", default="/api/mcp", help="Path of the MCP endpoint."
    )
    base_url: BaseUrl | None = _named(
        "ATOMS_FASTMCP_BASE_URL",
        default=None,
        help="Public URL of this server; http://HOST:PORT unless set.",
    )
    allowed_hosts: Hosts = _named(
        "ATOMS_ALLOWED_HOSTS",
        default=(),
        help="Further Host headers to answer, beside the public URL's and loopback's own.",
    )
    allowed_origins: Names = _named(
        "ATOMS_ALLOWED_ORIGINS",
        default=(),
        help="Origins of web pages that may call this server, like https://app.example.com.",
    )
    secret_key: Secrets = _named(
        "ATOMS_SECRET_KEY",
        default=(),
        help="Key that seals sessions and cursors, 32 characters or more; several rotate.",
    )
    access_token: SecretStr | None = _named(
        "ATOMS_ACCESS_TOKEN",
        default=None,
        help="Supabase access token of the user that atoms-mcp stdio works as.",
    )
    session_check_s: Seconds = _named(
        "ATOMS_SESSION_CHECK_S",
        default=15,
        help="Seconds for which a live session is not asked for again (simple and bearer mode).",
    )
    upstream_connect_s: Patience = _named(
        "ATOMS_UPSTREAM_CONNECT_S", default=2, help="Seconds to wait for a connection to Supabase."
    )
    upstream_total_s: Patience = _named(
        "ATOMS_UPSTREAM_TOTAL_S", default=10, help="Seconds to wait for an answer of Supabase."
    )
    max_body_bytes: Annotated[int, Field(ge=1024, le=4 * 1024 * 1024)] = _named(
        "ATOMS_MAX_BODY_BYTES", default=1024 * 1024, help="Largest MCP request accepted."
    )
    login_failures_per_account: Rate = _named(
        "ATOMS_LOGIN_FAILURES_PER_ACCOUNT",
        default="10 per 5 minute",
        help="Failed logins of one account before it has to wait.",
    )
    login_failures_per_address: Rate = _named(
        "ATOMS_LOGIN_FAILURES_PER_ADDRESS",
        default="20 per 5 minute",
        help="Failed logins from one address before it has to wait.",
    )
    mails_per_address: Rate = _named(
        "ATOMS_MAILS_PER_ADDRESS",
        default="10 per 5 minute",
        help="Mails (codes, confirmations, recoveries) that one address may ask for.",
    )
    registrations_per_address: Rate = _named(
        "ATOMS_REGISTRATIONS_PER_ADDRESS",
        default="30 per 5 minute",
        help="Clients that one address may register.",
    )
    calls_per_user: Rate = _named(
        "ATOMS_CALLS_PER_USER",
        default="1200 per minute",
        help="Calls, reads, sessions and the like that one user may begin, at each process.",
    )
    redis_url: SecretStr | None = _named(
        "ATOMS_REDIS_URL",
        default=None,
        help="Redis or Valkey that several processes share; a file in the state folder unless set.",
    )
    trusted_proxies: Networks = _named(
        "ATOMS_TRUSTED_PROXIES",
        default=(),
        help="Networks of proxies whose X-Forwarded-For is believed, like 10.0.0.0/8.",
    )
    accept_supabase_jwt: Literal["on", "off"] = _named(
        "ATOMS_ACCEPT_SUPABASE_JWT",
        default="on",
        help="off accepts only what the OAuth endpoints handed out, no Supabase access tokens.",
    )
    client_registration: Literal["on", "off"] = _named(
        "ATOMS_OAUTH_REGISTRATION",
        default="on",
        help="Whether clients may register themselves (RFC 7591).",
    )
    client_documents: Literal["on", "off"] = _named(
        "ATOMS_OAUTH_CLIENT_DOCUMENTS",
        default="on",
        help="Whether a client may be named by the URL of its metadata document.",
    )
    client_domains: Names = _named(
        "ATOMS_OAUTH_CLIENT_DOMAINS",
        default=(),
        help="Domains that client documents may come from; every public one unless set.",
    )
    clients_file: Path | None = _named(
        "ATOMS_OAUTH_CLIENTS",
        default=None,
        help="TOML file with clients that need not register; see Sign-in.",
    )
    redirect_schemes: Names = _named(
        "ATOMS_OAUTH_REDIRECT_SCHEMES",
        default=("cursor", "vscode", "vscode-insiders", "vscodium", "windsurf", "claude"),
        help="Private-use schemes that clients may be sent back to, beside https and loopback.",
    )
    theme_name: str = _named(
        "ATOMS_THEME_NAME", default="Atoms", help="What the pages call this server."
    )
    theme_logo: Path | None = _named(
        "ATOMS_THEME_LOGO", default=None, help="SVG or PNG file shown on the pages."
    )
    theme_accent: Colour = _named(
        "ATOMS_THEME_ACCENT", default="#3157d5", help="Colour of buttons and links, like #3157d5."
    )

    @model_validator(mode="after")
    def _check_together(self) -> "ServerSettings":
        faults = []
        if is_service_key(self.supabase_anon_key.get_secret_value()):
            faults.append(
                "NEXT_PUBLIC_SUPABASE_ANON_KEY holds a secret key, which passes row-level "
                "security; set the publishable (anon) key"
            )
        if self._has_public_secret():
            faults.append(
                "ATOMS_JWT_SECRET is the one that every local Supabase has, so anybody can sign "
                "with it; set the project's own, or unset it to let Supabase check its tokens"
            )
        if any(len(key.get_secret_value()) < MIN_SECRET_CHARS for key in self.secret_key):
            faults.append(f"ATOMS_SECRET_KEY must have {MIN_SECRET_CHARS} characters or more")
        if not is_loopback(self.host):
            if self.rate_limits == "off":
                faults.append(
                    "ATOMS_RATE_LIMITS=off is refused on an address others can reach; "
                    "bind 127.0.0.1 or leave the limits on"
                )
            if not self.secret_key:
                faults.append(
                    "ATOMS_SECRET_KEY is needed when ATOMS_FASTMCP_HOST is not loopback; "
                    "make one with: atoms-mcp secret"
                )
        if faults:
            raise ConfigError(faults)
        return self

    def _has_public_secret(self) -> bool:
        is_local = is_loopback(urlsplit(self.supabase_url).hostname or "")
        secret = self.jwt_secret.get_secret_value() if self.jwt_secret else None
        return secret == PUBLIC_JWT_SECRET and not is_local


class StackSettings(CommonSettings):
    """The embedded stack: PostgreSQL and the gateway in front of it, always on loopback."""

    gateway_port: Port = _named(
        "ATOMS_LOCAL_PORT",
        default=54321,
        help="Port of the embedded gateway; another one is taken where it is in use.",
    )
    postgres_bin: Path | None = _named(
        "ATOMS_LOCAL_POSTGRES_BIN",
        default=None,
        help="Folder with initdb and postgres (15 or newer); the wheel's unless set.",
    )
    fsync: Literal["on", "off"] = _named(
        "ATOMS_LOCAL_FSYNC",
        default="on",
        help="off makes the embedded database faster and loses data on a power cut; for tests.",
    )
    token_rate: Rate = _named(
        "ATOMS_LOCAL_TOKEN_RATE",
        default="150 per 5 minute",
        help="Sign-ins and refreshes that the gateway allows one address, after a burst of 30.",
    )
    signup_rate: Rate = _named(
        "ATOMS_LOCAL_SIGNUP_RATE",
        default="30 per 5 minute",
        help="Sign-ups and user changes that the gateway allows one address, after a burst of 30.",
    )
    token_life_s: Annotated[int, Field(ge=1, le=604_800)] = _named(
        "ATOMS_LOCAL_TOKEN_LIFE_S",
        default=3600,
        help="Seconds that an access token of the gateway lives.",
    )
    site_url: Url = _named(
        "ATOMS_LOCAL_SITE_URL",
        default="http://127.0.0.1:8000",
        help="Where the gateway sends browsers that named no other place; links in mails too.",
    )
    signup: Literal["on", "off"] = _named(
        "ATOMS_LOCAL_SIGNUP", default="on", help="Whether the gateway takes new accounts."
    )
    autoconfirm: Literal["on", "off"] = _named(
        "ATOMS_LOCAL_AUTOCONFIRM",
        default="on",
        help="off makes new accounts confirm their address by a mail first.",
    )
    captcha: Literal["on", "off"] = _named(
        "ATOMS_LOCAL_CAPTCHA",
        default="off",
        help="on makes the gateway ask for a captcha, as a protected project does.",
    )
    demo_provider: Literal["on", "off"] = _named(
        "ATOMS_LOCAL_DEMO_PROVIDER",
        default="off",
        help="on adds a pretended external provider that signs in as any account; for tests.",
    )
    oauth_server: Literal["on", "off"] = _named(
        "ATOMS_LOCAL_OAUTH_SERVER",
        default="off",
        help="on makes the gateway an OAuth 2.1 server, as mode delegated needs it.",
    )


Chosen = TypeVar("Chosen", bound=CommonSettings)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as people read of it; `default` is None where a value is required."""

    name: str
    other_names: tuple[str, ...]
    default: str | None
    help: str
    is_secret: bool


def rows() -> Iterator[Row]:
    """Give every setting once, in the order of the classes above."""
    seen = set()
    for settings in (ServerSettings, StackSettings):
        for key, field in settings.model_fields.items():
            if key in seen:
                continue
            seen.add(key)
            aliases = field.validation_alias
            assert isinstance(aliases, AliasChoices)  # noqa: S101 - `_named` made it
            name, *others = (str(choice) for choice in aliases.choices)
            default = None if field.is_required() else _shown(field.default)
            secret = "SecretStr" in str(field.annotation) or "SecretStr" in str(field.metadata)
            yield Row(name, tuple(others), default, field.description or "", secret)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def load(settings: type[Chosen], environ: Mapping[str, str]) -> Chosen:
    """Read one record of settings.

    An empty value counts as unset. A name of ours that no setting has is a fault, too:
    a misspelt setting must not be passed over in silence.

    Raises:
        ConfigError: with every fault found.
    """
    known = {name for row in rows() for name in (row.name, *row.other_names)}
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    faults = [
        _unknown(name, known) for name in given if name.startswith(OWN_PREFIX) and name not in known
    ]
    try:
        loaded = settings.model_validate({k: v for k, v in given.items() if k in known})
    except ConfigError as exc:
        faults.extend(exc.faults)
    except ValidationError as exc:
        faults.extend(
            _fault(settings, error["loc"], error["type"], error["msg"]) for error in exc.errors()
        )
    if faults:
        raise ConfigError(faults)
    return loaded


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")


def _fault(
    settings: type[CommonSettings], loc: tuple[int | str, ...], kind: str, message: str
) -> str:
    """Say one validation error in the words of the environment."""
    name = str(loc[0])
    for field in settings.model_fields.values():
        aliases = field.validation_alias
        if isinstance(aliases, AliasChoices) and name in map(str, aliases.choices):
            if kind == "missing":
                return f"{name} is not set: {field.description}"
            return f"{name}: {message.removeprefix('Value error, ')} ({field.description})"
    return f"{name}: {message}"


def parse_rate(rate: str) -> RateLimitItem:
    """Give the rate as the `limits` library counts it; `rate` was checked by `load`."""
    return parse(rate)
