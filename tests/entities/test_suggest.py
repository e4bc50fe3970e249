import pytest

from atoms_mcp.entities.suggest import counted, either, listed, nearest, with_article

NAMES = ["status", "title", "description", "priority"]


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("state", "status"),
        ("Titel", "title"),
        ("desc", "description"),
        ("prioritty", "priority"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_found_or_none(given, near):
    assert nearest(given, NAMES) == near


def test_names_are_listed_to_be_read():
    assert listed(["a", "b"]) == "a, b"
    assert either(["a"]) == "a"
    assert either(["a", "b"]) == "a or b"
    assert either(["a", "b", "c"]) == "a, b or c"


def test_things_are_counted():
    assert counted(1, "documents") == "1 document"
    assert counted(3, "documents") == "3 documents"
    assert counted(0, "documents") == "0 documents"


def test_a_name_gets_its_article():
    assert with_article("organization") == "an organization"
    assert with_article("project or document") == "a project or document"
