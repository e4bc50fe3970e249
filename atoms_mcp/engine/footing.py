"""What an engine stands on."""

from dataclasses import dataclass

from atoms_mcp.engine.session import Sessions
from atoms_mcp.identity.seal import Seal
from atoms_mcp.identity.verify import Verifier
from atoms_mcp.store.store import Store
from atoms_mcp.supabase.rest import Rest


@dataclass(frozen=True, slots=True)
class Footing:
    """All of it lives as long as the engine."""

    rest: Rest
    verifier: Verifier
    sessions: Sessions
    seal: Seal
    store: Store
