"""Which ways to sign in the project offers: asked of Supabase, at most once a minute."""

import time
from collections.abc import Callable

from atoms_mcp.identity.flight import Flight
from atoms_mcp.supabase.auth import ProjectSettings, SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

FRESH_S = 60
# After a failure: soon enough for who waits, not so often that an outage is made worse.
RETRY_S = 5


class Project:
    """Remembers the settings. `clock` is monotonic, in seconds."""

    def __init__(self, auth: SupabaseAuth, clock: Callable[[], float] = time.monotonic) -> None:
        self._auth = auth
        self._clock = clock
        self._flight: Flight[None, ProjectSettings] = Flight()
        self._known: ProjectSettings | None = None
        self._good_until = float("-inf")

    async def settings(self) -> ProjectSettings:
        """Give the settings, at most a minute old; older ones while Supabase cannot be asked.

        Raises:
            SupabaseError: it cannot be asked and never could.
        """
        if self._known is not None and self._clock() < self._good_until:
            return self._known
        return await self._flight.share(None, self._ask)

    async def _ask(self) -> ProjectSettings:
        try:
            self._known = await self._auth.project_settings()
        except SupabaseError:
            if self._known is None:
                raise
            self._good_until = self._clock() + RETRY_S
        else:
            self._good_until = self._clock() + FRESH_S
        return self._known
