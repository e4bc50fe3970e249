import pytest

from atoms_mcp.web.accept import choose_form, takes_events


@pytest.mark.requirement("http-form")
@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("application/json", "json"),
        ("application/json, text/event-stream", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("APPLICATION/JSON", "json"),
        ("application/json;q=0.9, text/event-stream;q=0.1", "json"),
        ("text/event-stream;q=0.5, application/json", "json"),
        ("application/json; charset=utf-8", "json"),
        ("application/json;q=x", "json"),
        ("text/event-stream", "sse"),
        ("text/event-stream, application/json", "sse"),
        ("application/json;q=0.1, text/event-stream;q=1", "sse"),
        ("text/event-stream, */*", "sse"),
        ("text/*", "sse"),
        ("application/json;q=0, text/event-stream", "sse"),
        ("application/json;q=0, */*", "sse"),
        ("text/html, text/event-stream;q=0.5", "sse"),
        ("text/html", None),
        ("", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("image/png, text/plain", None),
    ],
)
def test_json_where_it_is_accepted_unless_a_stream_is_preferred_then_nothing(accept, form):
    assert choose_form(accept) == form


@pytest.mark.parametrize(
    ("accept", "takes"),
    [
        (None, True),
        ("text/event-stream", True),
        ("application/json, text/event-stream", True),
        ("*/*", True),
        ("text/*;q=0.1", True),
        ("text/event-stream;q=0, */*", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_whoever_listens_has_to_take_events(accept, takes):
    assert takes_events(accept) is takes
