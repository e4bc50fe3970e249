import pytest

from atoms_mcp.protocol.uri_template import UriTemplate, is_uri


@pytest.mark.parametrize(
    ("template", "uri", "values"),
    [
        ("a://{org}/{key}", "a://acme/VEH-1", {"org": "acme", "key": "VEH-1"}),
        ("a://{org}/{key}", "a://%C3%BC/a%2Fb", {"org": "ü", "key": "a/b"}),
        ("a://{org}/{key}.md", "a://acme/x.md", {"org": "acme", "key": "x"}),
        ("a://{+path}", "a://b/c?d", {"path": "b/c?d"}),
        ("a://fixed", "a://fixed", {}),
        ("a://{org}/{key}", "a://acme", None),
        ("a://{org}/{key}", "a://acme/", None),
        ("a://{org}/{key}", "a://acme/x/y", None),
        ("a://{org}/{key}", "a://acme/x?y", None),
        ("a://{org}/{key}", "b://acme/x", None),
        ("a://{org}/{key}", "a://acme/" + "x" * 2048, None),
        ("a.b://{org}", "aXb://x", None),
    ],
)
def test_a_uri_gives_the_variables_of_the_template_it_fits(template, uri, values):
    assert UriTemplate(template).match(uri) == values


@pytest.mark.parametrize(
    "template",
    [
        "{org}/x",
        "a://{org",
        "a://org}",
        "a://{?q}",
        "a://{a,b}",
        "a://{a*}",
        "a://{}",
        "a://{a}{a}",
    ],
)
def test_a_template_that_cannot_be_matched_is_refused(template):
    with pytest.raises(ValueError, match=r"a://|org"):
        UriTemplate(template)


def test_a_template_gives_the_uri_that_fits_it():
    template = UriTemplate("a://{org}/{+rest}")
    values = {"org": "a/b ü", "rest": "c/d"}

    uri = template.expand(values)

    assert uri == "a://a%2Fb%20%C3%BC/c/d"
    assert template.match(uri) == values


@pytest.mark.parametrize(
    ("text", "fits"),
    [("a://b", True), ("urn:x", True), ("A://b", False), ("b", False), ("a:" + "x" * 2048, False)],
)
def test_a_uri_begins_with_a_scheme_and_is_not_too_long(text, fits):
    assert is_uri(text) is fits
