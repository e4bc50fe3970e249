import pytest
from engine_double import caller

from atoms_mcp.engine.context import Context
from atoms_mcp.entities.rest import RestAnswer, RestRequest


class RestLog:
    def __init__(self):
        self.sent = []

    async def send(self, request, token):
        self.sent.append((request, token))
        return RestAnswer([])


async def test_a_request_goes_out_with_the_callers_own_token():
    rest = RestLog()
    request = RestRequest("GET", "projects")

    answer = await Context(caller("bob"), rest, "r-1").send(request)

    assert answer.data == []
    assert rest.sent == [(request, "t-bob")]


def test_whose_call_it_is_cannot_be_changed():
    context = Context(caller("bob"), RestLog(), "r-1")

    with pytest.raises(AttributeError):
        context.caller = caller("ada")
