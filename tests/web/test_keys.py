from atoms_mcp.web.keys import Access, Cors, Route


async def handler(_request):
    raise NotImplementedError


def test_a_route_is_closed_unless_it_says_more():
    route = Route("GET", "/", handler)

    assert route.access is Access.CALLER
    assert route.cors is Cors.CONFIGURED
    assert route.body_limit_bytes == 16 * 1024
