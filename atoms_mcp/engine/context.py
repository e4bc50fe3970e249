"""What a tool handler is given besides its arguments."""

from dataclasses import dataclass

from atoms_mcp.entities.rest import RestAnswer, RestRequest
from atoms_mcp.identity.caller import Caller
from atoms_mcp.supabase.rest import Rest


@dataclass(frozen=True, slots=True)
class Context:
    """One call's surroundings: who calls, and the way to the database as that user.

    Made anew for each call and passed down by value, so that two users' calls
    can never see each other's identity.
    """

    caller: Caller
    rest: Rest
    request_id: str

    async def send(self, request: RestRequest) -> RestAnswer:
        """Send one REST call as the caller.

        Raises:
            SupabaseError: upstream refused or could not be asked.
        """
        return await self.rest.send(request, self.caller.token)
