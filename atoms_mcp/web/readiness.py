"""Whether this process should be sent requests: asks Supabase and store, every few seconds."""

import time
from collections.abc import Callable

from atoms_mcp.identity.flight import Flight
from atoms_mcp.identity.jwks import Jwks
from atoms_mcp.store.store import Store, StoreDown
from atoms_mcp.supabase.auth import SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

WELL_S = 5
ILL_S = 1


class Readiness:
    """Asks and remembers. A process that is about to stop says so before it stops."""

    def __init__(
        self,
        auth: SupabaseAuth,
        jwks: Jwks,
        store: Store,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._auth = auth
        self._jwks = jwks
        self._store = store
        self._now = now
        self._flight: Flight[None, dict[str, str]] = Flight()
        self._checks: dict[str, str] = {}
        self._good_until = float("-inf")
        self._is_draining = False

    def drain(self) -> None:
        """Say from now on that no further requests should come."""
        self._is_draining = True

    async def check(self) -> dict[str, str]:
        """Give each check with "ok" or what is wrong; never raises."""
        if self._is_draining:
            return {"server": "draining"}
        if self._now() >= self._good_until:
            self._checks = await self._flight.share(None, self._ask)
        return self._checks

    async def _ask(self) -> dict[str, str]:
        checks = {"supabase_auth": "ok", "signing_keys": "ok", "store": "ok"}
        try:
            await self._auth.health()
        except SupabaseError as exc:
            checks["supabase_auth"] = exc.kind
        try:
            await self._jwks.load()
        except SupabaseError as exc:
            checks["signing_keys"] = exc.kind
        try:
            await self._store.ping()
        except StoreDown:
            checks["store"] = "down"
        is_well = all(outcome == "ok" for outcome in checks.values())
        self._good_until = self._now() + (WELL_S if is_well else ILL_S)
        return checks
