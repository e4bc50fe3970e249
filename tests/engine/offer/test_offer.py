from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import Resource


async def read(_context):
    return []


def test_two_offers_make_one_in_their_order():
    first, second = Resource("a://1", "1", read), Resource("a://2", "2", read)

    both = Offer(resources=(first,), changing=["tools"]) + Offer(resources=(second,))

    assert both.resources == (first, second)
    assert set(both.changing) == {"tools"}
