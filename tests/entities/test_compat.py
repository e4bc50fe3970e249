import pytest

from atoms_mcp.entities.compat import modernize, offset_of
from atoms_mcp.errors import ToolError

LIST = {"operation": "list", "entity_type": "requirement"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"search_term": "brake", "operation": "search"}, {"query": "brake"}),
        ({"batch": [{}], "operation": "create"}, {"items": [{}]}),
        ({"parent_id": "VEH"}, {"parent": "VEH"}),
        ({"order_by": "name:asc"}, {"sort": "name"}),
        ({"order_by": "updated_at:desc"}, {"sort": "-updated_at"}),
        ({"order_by": "updated_at DESC"}, {"sort": "-updated_at"}),
        ({"sort": "name:up"}, {"sort": "name:up"}),
        ({"format_type": "detailed"}, {"format": "full"}),
        ({"format_type": "raw"}, {"format": "full"}),
        ({"format_type": "summary"}, {"format": "concise"}),
        ({"include_relations": True}, {"include": ["relations"]}),
        ({"include_relations": False}, {"include": []}),
        ({"soft_delete": True}, {}),
        ({"offset": 40}, {"cursor": "offset:40"}),
        ({"offset": 0}, {}),
        ({"cursor": None, "limit": None}, {}),
        ({"operation": "get"}, {"operation": "read"}),
        ({"query": "brake"}, {"operation": "search", "query": "brake"}),
        ({"parent_id": "VEH", "parent": "VEH"}, {"parent": "VEH"}),
        ({"operation": "create", "data": {}, "batch": [{}]}, {"items": [{}]}),
    ],
)
def test_an_older_spelling_means_todays(old, new):
    assert (
        modernize(LIST | old)
        == LIST | {name: value for name, value in old.items() if name == "operation"} | new
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"search_term": "a", "query": "b"}, "search_term and query mean the same"),
        ({"soft_delete": False}, "can be restored, always"),
        ({"offset": 2000}, "from 0 to 1000"),
        ({"offset": -1}, "from 0 to 1000"),
        ({"offset": True}, "from 0 to 1000"),
        ({"offset": "10"}, "from 0 to 1000"),
        ({"offset": 10, "cursor": "c1.x.y"}, "cannot go together"),
        ({"offset": 10, "query": "x"}, "search is paged by cursor"),
        ({"offset": 10, "operation": "read"}, "read is paged by cursor"),
    ],
)
def test_what_an_older_spelling_can_no_longer_mean_is_refused(arguments, said):
    with pytest.raises(ToolError, match=said):
        modernize(LIST | arguments)


def test_the_arguments_given_stay_as_they_were():
    given = LIST | {"order_by": "name"}

    modernize(given)

    assert given == LIST | {"order_by": "name"}


@pytest.mark.parametrize(
    ("cursor", "offset"),
    [
        ("offset:40", 40),
        ("offset:99999", 1000),
        ("offset:" + "9" * 5000, 1000),
        ("c1.a.b", None),
        ("offset:", None),
        ("offset:-4", None),
        ("offset:4x", None),
        ("offset:٤", None),
    ],
)
def test_an_offset_is_read_out_of_its_cursor(cursor, offset):
    assert offset_of(cursor) == offset
