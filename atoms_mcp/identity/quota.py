"""How often an address may ask for what costs somebody something: mails, registrations."""

from atoms_mcp.errors import AtomsError
from atoms_mcp.identity.credentials import address_key
from atoms_mcp.settings import parse_rate
from atoms_mcp.store.counters import Counters


class TooOften(AtomsError):  # noqa: N818 - says what is the case
    """Somebody has to wait; `retry_after_s` is at least 1 and at most 300."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too often; wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Quota:
    """So many in a window, whatever becomes of them. `name` keeps one quota from another.

    A rate is like "10 per 5 minute"; None lifts the limit.
    """

    def __init__(self, name: str, rate: str | None, counters: Counters | None = None) -> None:
        self._name = name
        self._rate = None if rate is None else parse_rate(rate)
        self._counters = counters or Counters()

    async def take(self, address: str | None) -> None:
        """Count one for the address.

        Raises:
            TooOften: it has had all of them.
        """
        if self._rate is None:
            return
        key = f"{self._name}:{address_key(address)}"
        if not await self._counters.hit(self._rate, key):
            raise TooOften((await self._counters.look(self._rate, key)).retry_after_s)
