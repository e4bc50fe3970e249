import pytest

from atoms_mcp.oauth.resources import find_resource

OURS = ("https://h.example/api/mcp", "http://127.0.0.1:8000/api/mcp")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("https://h.example/api/mcp", OURS[0]),
        ("http://127.0.0.1:8000/api/mcp", OURS[1]),
        pytest.param("HTTPS://H.Example/api/mcp", OURS[0], id="case-of-scheme-and-host"),
        pytest.param("https://h.example/api/mcp/", OURS[0], id="one-slash"),
        pytest.param("https://h.example:443/api/mcp", OURS[0], id="default-port"),
    ],
)
def test_what_means_ours_is_given_as_we_spell_it(asked, found):
    assert find_resource([asked], OURS, OURS[0]) == found


@pytest.mark.requirement("auth-resource-parameter")
@pytest.mark.parametrize(
    "asked",
    [
        "https://h.example",
        "https://h.example/",
        "https://h.example/API/mcp",
        "https://h.example/api/mcp//",
        "https://h.example/api/mcp/x",
        "https://h.example/api/mcp?x=1",
        "https://h.example/api/mcp#x",
        "https://h.example:8443/api/mcp",
        "http://h.example/api/mcp",
        "http://h.example:443/api/mcp",
        "https://h.example.evil.example/api/mcp",
        "https://u@h.example/api/mcp",
        "http://localhost:8000/api/mcp",
        "h.example/api/mcp",
        "urn:atoms",
        "\ud800",
        "https://h.example/api/mcp" + "/" * 3000,
    ],
)
def test_anything_else_is_not_ours(asked):
    assert find_resource([asked], OURS, OURS[0]) is None


def test_without_a_word_it_is_the_default():
    assert find_resource([], OURS, OURS[1]) == OURS[1]


def test_several_are_none_even_if_they_are_the_same():
    assert find_resource([OURS[0], OURS[0]], OURS, OURS[0]) is None
