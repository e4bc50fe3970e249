import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp.oauth.freshness import DEFAULT_S, MAX_S, MIN_S, find_freshness

DATE = "Mon, 23 Nov 2026 12:00:00 GMT"
LATER = "Mon, 23 Nov 2026 12:10:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, DEFAULT_S),
        ({"Cache-Control": "public"}, DEFAULT_S),
        ({"Cache-Control": "max-age=600"}, 600),
        ({"Cache-Control": 'Public, Max-Age="600"'}, 600),
        ({"Cache-Control": "max-age=600, s-maxage=700"}, 700),
        ({"Cache-Control": "max-age=600", "Age": "500"}, 100),
        ({"Cache-Control": "max-age=600", "Age": "nonsense"}, 600),
        ({"Cache-Control": "max-age=600", "Expires": DATE, "Date": DATE}, 600),
        ({"Cache-Control": "max-age=600", "Age": "600"}, MIN_S),
        ({"Cache-Control": "max-age=0"}, MIN_S),
        ({"Cache-Control": "max-age=-1"}, MIN_S),
        ({"Cache-Control": "max-age"}, MIN_S),
        ({"Cache-Control": "max-age=x"}, MIN_S),
        ({"Cache-Control": "no-store"}, MIN_S),
        ({"Cache-Control": "no-cache, max-age=600"}, MIN_S),
        ({"Cache-Control": "max-age=99999999999999999999"}, MAX_S),
        ({"Cache-Control": "max-age=²"}, MIN_S),
        ({"Date": DATE, "Expires": LATER}, 600),
        ({"Date": DATE, "Expires": LATER, "Age": "60"}, 540),
        ({"Date": LATER, "Expires": DATE}, MIN_S),
        ({"Date": DATE, "Expires": "0"}, MIN_S),
        ({"Expires": LATER}, MIN_S),
        ({"Date": "Mon, 23 Nov 2026 12:00:00", "Expires": LATER}, MIN_S),
    ],
)
def test_an_answer_says_for_how_long_it_holds(headers, seconds):
    assert find_freshness(headers) == seconds


@pytest.mark.requirement("auth-document-cache")
@given(
    st.dictionaries(
        st.sampled_from(["Cache-Control", "Age", "Expires", "Date"]), st.text(max_size=60)
    )
)
def test_no_answer_holds_longer_or_shorter_than_the_bounds(headers):
    assert MIN_S <= find_freshness(headers) <= MAX_S
