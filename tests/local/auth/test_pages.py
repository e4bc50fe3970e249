import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from aiohttp.test_utils import make_mocked_request
from auth_world import Person

from atoms_mcp.local.auth.errors import AuthError
from atoms_mcp.local.auth.mailbox import Mail
from atoms_mcp.local.auth.pages import check_local, render_accounts, render_mails, render_page

AT = datetime(2026, 11, 23, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>'
ASKS_JSON = {"Accept": "application/json"}


@pytest.fixture
async def mailed(make_gateway):
    person = Person(await make_gateway(), f"{uuid.uuid4().hex}@example.com")
    await person.post("/otp", {"email": person.email})
    return person


async def test_mails_are_shown_to_people_and_told_to_programs(mailed):
    other = Person(mailed.client, "other@example.com")
    await other.post("/otp", {"email": other.email})

    page = await mailed.client.get("/mail", headers={"apikey": ""})
    told = await (await mailed.client.get("/mail", headers=ASKS_JSON)).json()
    one = await mailed.client.get("/mail", params={"to": mailed.email}, headers=ASKS_JSON)

    assert page.content_type == "text/html"
    assert told[0]["code"] in await page.text()
    assert [mail["to"] for mail in told] == [other.email, mailed.email]
    assert await one.json() == told[1:]


async def test_no_page_of_another_origin_may_read_mails(mailed):
    for headers in ({}, ASKS_JSON):
        answer = await mailed.client.get("/mail", headers={"Origin": "http://evil", **headers})

        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("127.0.0.1:54321", True),
        ("localhost:54321", True),
        ("[::1]:54321", True),
        ("rebound.example:54321", False),
        ("192.0.2.7", False),
        ("[::1", False),
        ("", False),
    ],
)
async def test_a_strangers_name_for_this_machine_is_refused(mailed, host, is_here):
    answer = await mailed.client.get("/mail", headers={"Host": host})

    assert (answer.status == 200) is is_here


@pytest.mark.parametrize("remote", ["192.0.2.7", None])
def test_another_machine_is_refused(remote):
    request = make_mocked_request("GET", "/mail", headers={"Host": "127.0.0.1"})

    with pytest.raises(AuthError, match="not_found"):
        check_local(request.clone(remote=remote) if remote else request)


def test_what_people_chose_is_no_markup():
    mail = Mail(to=HOSTILE, kind=HOSTILE, sent_at=AT, code=HOSTILE, link=HOSTILE)
    user = SimpleNamespace(id=uuid.uuid4(), email=HOSTILE)

    pages = [
        render_mails([mail]),
        render_accounts([user], state=HOSTILE, action=HOSTILE),
        render_page(HOSTILE, "").text,
    ]

    assert all("<script" not in page and "&lt;script" in page for page in pages)


def test_an_empty_box_says_so():
    assert "Nothing was mailed" in render_mails([])
