"""What handlers find on the application and on the request, typed."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from atoms_mcp.identity.browser import BrowserSessions
from atoms_mcp.identity.caller import Caller
from atoms_mcp.identity.clients import Clients
from atoms_mcp.identity.connections import Connections
from atoms_mcp.identity.grants import Grants
from atoms_mcp.identity.sign_in import SignIn
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.settings import ServerSettings
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.web.load import Load
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
    SELF = "none; a form comes from a page of ours alone"


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table in `web.routes`. Closed by default."""

    method: str
    path: str
    handler: Handler
    access: Access = Access.CALLER
    cors: Cors = Cors.CONFIGURED
    body_limit_bytes: int = 16 * 1024
    # How a refusal looks; "either" asks the Accept header.
    shows: Literal["json", "page", "either"] = "json"
    # Answered under any load: whoever watches would end a process that is only busy.
    is_vital: bool = False


@dataclass(slots=True)  # made for every request, and a frozen one costs thrice as much
class Exchange:
    """One request and its answer, as all who deal with it know them.

    `site` is the canonical one until the guard has found which was asked for. `caller` is None
    where access is OPEN, or CALLER_OR_ARGUMENT and no header came. `facts` are further fields of
    the one log line (`rpc_method`, `tool`, `error_code`). `began_at` is by the performance
    counter, `upstream_s` a list of one number: the seconds spent upstream.
    """

    request_id: str
    route: Route
    site: Site
    caller: Caller | None
    facts: dict[str, Any]
    began_at: float
    upstream_s: list[float]


SETTINGS = web.AppKey("settings", ServerSettings)
SITES = web.AppKey("sites", Sites)
ENGINE: "web.AppKey[Engine]" = web.AppKey("engine")
VERIFIER = web.AppKey("verifier", Verifier)
AUTH = web.AppKey("auth", SupabaseAuth)
SIGN_IN = web.AppKey("sign_in", SignIn)
BROWSERS = web.AppKey("browsers", BrowserSessions)
CLIENTS = web.AppKey("clients", Clients)
CONNECTIONS = web.AppKey("connections", Connections)
GRANTS = web.AppKey("grants", Grants)
STORE: web.AppKey[Store] = web.AppKey("store")
READINESS = web.AppKey("readiness", Readiness)
LOAD = web.AppKey("load", Load)

EXCHANGE = web.RequestKey("exchange", Exchange)
