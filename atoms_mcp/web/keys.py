"""What handlers find on the application and on the request, typed."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.sign_in import SignIn
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.settings import ServerSettings
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.web.readiness import Readiness
from atoms_mcp.web.site import Site, Sites

if TYPE_CHECKING:
    from atoms_mcp.engine.dispatch import Engine


class Access(Enum):
    """Who may use a route."""

    CALLER = "a valid token, or 401 with a challenge"
    CALLER_OR_ARGUMENT = "a valid token, or none at all: the engine then looks for `auth_token`"
    OPEN = "everybody"


class Cors(Enum):
    """Which pages of other origins may read the answers."""

    NONE = "none"
    CONFIGURED = "those of ATOMS_ALLOWED_ORIGINS"
    ANY = "all: the answer is public"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table in `web.routes`. Closed by default."""

    method: str
    path: str
    handler: Handler
    access: Access = Access.CALLER
    cors: Cors = Cors.CONFIGURED
    body_limit_bytes: int = 16 * 1024


SETTINGS = web.AppKey("settings", ServerSettings)
SITES = web.AppKey("sites", Sites)
ENGINE: "web.AppKey[Engine]" = web.AppKey("engine")
VERIFIER = web.AppKey("verifier", Verifier)
AUTH = web.AppKey("auth", SupabaseAuth)
SIGN_IN = web.AppKey("sign_in", SignIn)
READINESS = web.AppKey("readiness", Readiness)

REQUEST_ID = web.RequestKey("request_id", str)
SITE = web.RequestKey("site", Site)
ROUTE = web.RequestKey("route", Route)
# Absent where access is OPEN, or CALLER_OR_ARGUMENT and no header came.
CALLER = web.RequestKey("caller", Caller)
# Further fields of the request's one log line (`rpc_method`, `tool`, `error_code`).
LOG = web.RequestKey("log", dict[str, Any])
