"""Clients named by their document, from the link to the token, before a real host of documents."""

from urllib.parse import urlencode

import pytest
from document_host import DOCUMENT, HOST, URL, DocumentHost, Told
from visit_double import Visit, let_in

from atoms_mcp.identity.documents import Documents
from atoms_mcp.oauth.addresses import is_public_address

CALLBACK = "http://localhost:51004/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
async def host(tmp_path):
    host = await DocumentHost(tmp_path).start()
    yield host
    await host.close()


@pytest.fixture
async def serve(make_web, clock, host):
    """Start a server that fetches documents from `host`, or as it is told."""
    opened = []

    async def make(*, settings=None, **more):
        given = {"resolver": host.resolver, "is_allowed": lambda _: True, "tls": host.tls}
        documents = Documents(now=clock, **(given | more))
        opened.append(documents)
        return await make_web(documents=documents, **(settings or {}))

    yield make
    for documents in opened:
        await documents.close()


def ask(client_id=URL, redirect_uri=CALLBACK):
    params = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"/oauth/authorize?{urlencode(params)}"


async def test_a_client_comes_by_its_document_and_leaves_with_tokens(serve, host):
    web = await serve()
    browser = Visit(web)
    await let_in(browser, web.supabase.email)

    consent = await browser.get(ask())
    assert DOCUMENT["client_name"] in consent.text
    assert HOST in consent.text

    answer = await browser.press(consent, "decision", "approve", scope="write")
    assert answer.status == 303
    host.answer = None  # nobody asks it any more
    tokens = await web.ask(
        "POST",
        "/oauth/token",
        data={
            "grant_type": "authorization_code",
            "code": answer.query["code"],
            "client_id": URL,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
    )
    refreshed = await web.ask(
        "POST",
        "/oauth/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": tokens.told["refresh_token"],
            "client_id": URL,
        },
    )

    assert tokens.status == refreshed.status == 200
    assert len(host.requests) == 1


async def test_a_place_that_the_document_does_not_list_is_not_gone_to(serve):
    web = await serve()

    page = await Visit(web).get(ask(redirect_uri="https://evil.example/cb"))

    assert page.status == 400
    assert page.location is None


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"], ["::1"], ["fd00::1"], []],
)
async def test_why_a_document_cannot_be_had_shows_nowhere(serve, host, addresses):
    """Closed, silent, private, missing and wrong hosts all look alike from outside."""
    inside = await serve(
        resolver=Told(*addresses, port=host.resolver.port), is_allowed=is_public_address
    )
    missing = await serve()
    host.document = {"client_id": "somebody else's"}

    same = {"X-Request-Id": "r1"}  # it stands on the page
    pages = [await Visit(web).get(ask(), **same) for web in (inside, missing)]
    unknown = await Visit(missing).get(ask(client_id="never-registered"), **same)

    assert [page.status for page in (*pages, unknown)] == [400, 400, 400]
    assert pages[0].raw == pages[1].raw == unknown.raw


async def test_an_address_makes_us_fetch_so_many_and_no_more(serve, host):
    web = await serve(settings={"ATOMS_REGISTRATIONS_PER_ADDRESS": "2 per hour"})
    browser = Visit(web)
    for number in range(2):
        await browser.get(ask(client_id=f"{URL}/{number}"))

    page = await browser.get(ask(client_id=f"{URL}/another"))

    assert page.status == 429
    assert page.headers["Retry-After"]
    assert len(host.requests) == 2
