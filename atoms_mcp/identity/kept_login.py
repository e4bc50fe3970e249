"""The login that `atoms-mcp login` keeps for `atoms-mcp stdio` and `atoms-mcp token`.

It holds a refresh token, which is good for one use: the new one is written before the new
access token is given to anybody, so that a crash cannot lose the login.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import orjson

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.flight import Flight
from atoms_mcp.identity.vault import Vault
from atoms_mcp.supabase.auth import Session, SupabaseAuth
from atoms_mcp.supabase.errors import SupabaseError

# A token that ends sooner than this is renewed before it is used.
MARGIN_S = 60


class NoLogin(AtomsError):  # noqa: N818 - says what is the case
    """There is no login to use; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept. Tokens of one project are never shown to another."""

    supabase_url: str
    email: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: int


class KeptLogin:
    """Reads, renews and writes what the vault holds. `now` gives Unix seconds."""

    def __init__(
        self,
        vault: Vault,
        auth: SupabaseAuth,
        supabase_url: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._vault = vault
        self._auth = auth
        self._supabase_url = supabase_url
        self._now = now
        self._flight: Flight[None, str] = Flight()

    @property
    def place(self) -> str:
        """Where it is kept, for people."""
        return self._vault.place

    async def save(self, session: Session) -> None:
        """Keep a session in place of any other one."""
        kept = Kept(
            supabase_url=self._supabase_url,
            email=session.user.email,
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            expires_at=session.expires_at,
        )
        await asyncio.to_thread(self._vault.write, orjson.dumps(asdict(kept)).decode())

    async def drop(self) -> None:
        """Keep nothing any more."""
        await asyncio.to_thread(self._vault.remove)

    async def token(self) -> str:
        """Give an access token that is good for at least a minute.

        Raises:
            NoLogin: nobody is logged in to this project, or the login is over.
            SupabaseError: it has to be renewed, and Supabase cannot be asked.
        """
        kept = await self.read()
        if self._is_fresh(kept):
            return kept.access_token
        return await self._flight.share(None, self._renew)

    async def _renew(self) -> str:
        # Another process may have renewed it meanwhile; its refresh token is spent then.
        kept = await self.read()
        if self._is_fresh(kept):
            return kept.access_token
        try:
            session = await self._auth.refresh(kept.refresh_token)
        except SupabaseError as exc:
            if not exc.ends_refresh:
                raise
            return await self._after_refusal(kept)
        await self.save(session)
        return session.access_token

    async def _after_refusal(self, kept: Kept) -> str:
        newer = await self.read()
        if newer.refresh_token != kept.refresh_token and self._is_fresh(newer):
            return newer.access_token
        await self.drop()
        raise NoLogin(f"The login of {kept.email} is over; run: atoms-mcp login")

    async def read(self) -> Kept:
        """Give what is kept for this project.

        Raises:
            NoLogin: nothing is, or it cannot be read, or it is another project's.
        """
        raw = await asyncio.to_thread(self._vault.read)
        if raw is None:
            raise NoLogin("Nobody is logged in; run: atoms-mcp login")
        try:
            kept = Kept(**orjson.loads(raw))
        except (orjson.JSONDecodeError, TypeError):
            raise NoLogin(f"{self.place} cannot be read; run: atoms-mcp login") from None
        if kept.supabase_url != self._supabase_url:
            raise NoLogin(
                f"The login kept is one to {kept.supabase_url}, not to {self._supabase_url}; "
                "run: atoms-mcp login"
            )
        return kept

    def _is_fresh(self, kept: Kept) -> bool:
        return self._now() < kept.expires_at - MARGIN_S
