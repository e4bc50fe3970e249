from atoms_mcp.engine.offer.resource import Page, Resource, ResourceTemplate


async def read(*_anything):
    return []


def test_what_is_read_is_kept_by_nobody_unless_it_says_so():
    one, many = Resource("a://b", "b", read), ResourceTemplate("a://{b}", "b", read)

    assert (one.ttl_ms, one.is_public) == (many.ttl_ms, many.is_public) == (0, False)


def test_a_page_is_the_last_one_unless_it_names_the_next():
    assert Page([]).next is None
