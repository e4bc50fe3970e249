"""What an engine stands on."""

from dataclasses import dataclass, field

from atoms_mcp.engine.pace import Pace
from atoms_mcp.engine.sessions.session import Sessions
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.rest import Rest


@dataclass(frozen=True, slots=True)
class Footing:
    """All of it lives as long as the engine. `pace` is how much a user may ask."""

    rest: Rest
    verifier: Verifier
    sessions: Sessions
    seal: Seal
    store: Store
    pace: Pace = field(default_factory=Pace)
