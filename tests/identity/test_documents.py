import asyncio
import gzip
import ssl

import orjson
import pytest
from aiohttp import web
from document_host import DOCUMENT, HOST, URL, DocumentHost, Told

from atoms_mcp.identity import documents as module
from atoms_mcp.identity.documents import CheckedResolver, Documents
from atoms_mcp.oauth.addresses import is_public_address
from atoms_mcp.oauth.errors import UnknownClient


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def now():
    return Clock()


@pytest.fixture
async def host(tmp_path):
    host = await DocumentHost(tmp_path).start()
    yield host
    await host.close()


@pytest.fixture
async def make(host, now):
    """Make what is tested, before the host unless said otherwise."""
    made = []

    def make(**more):
        given = {
            "schemes": ("cursor",),
            "now": now,
            "resolver": host.resolver,
            "is_allowed": lambda address: address == "127.0.0.1",
            "tls": host.tls,
        }
        documents = Documents(**(given | more))
        made.append(documents)
        return documents

    yield make
    for documents in made:
        await documents.close()


async def assert_unknown(documents, client_id=URL):
    """Check the one answer to everything that goes wrong."""
    with pytest.raises(UnknownClient) as caught:
        await asyncio.wait_for(documents.find(client_id), 5)
    assert caught.value.args == UnknownClient().args


@pytest.mark.requirement("auth-documents")
async def test_a_client_is_found_by_its_document(make, host):
    client = await make().find(URL)

    assert (client.name, client.host, client.origin) == ("Example MCP Client", HOST, "document")
    assert client.redirect_uris == tuple(DOCUMENT["redirect_uris"])
    assert host.resolver.asked == [(HOST, 443)]


async def test_nothing_of_ours_is_sent_along(make, host):
    host.headers = {"Set-Cookie": "a=b"}
    documents = make()
    await documents.find(URL)
    host.requests.clear()

    url = URL + "?v=1"
    host.document = DOCUMENT | {"client_id": url}
    await documents.find(url)

    ((path, headers),) = host.requests
    assert path == "/oauth/client.json?v=1"
    assert dict(headers) == {
        "Host": HOST,
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "atoms-mcp",
        "Connection": "close",
    }


async def test_an_address_is_asked_for_as_it_is_written(make, host):
    url = f"https://{HOST}/a%2Fb/%7Ec'd?x=%20"
    host.document = DOCUMENT | {"client_id": url}

    await make().find(url)

    assert host.requests[0][0] == "/a%2Fb/%7Ec'd?x=%20"


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/c",
        "https://app.example.com/",
        "https://app.example.com:8443/c",
        "https://u@app.example.com/c",
        "https://app.example.com/a/../c",
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://localhost/c",
        "https://169.254.169.254/latest/meta-data",
    ],
)
async def test_what_may_not_name_a_client_is_not_even_resolved(make, host, url):
    await assert_unknown(make(), url)

    assert host.resolver.asked == []


async def test_only_allowed_domains_are_asked(make, host):
    assert await make(domains=("example.com",)).find(URL)
    host.requests.clear()

    documents = make(domains=("example.org",))
    await assert_unknown(documents)
    with pytest.raises(UnknownClient):
        documents.check(URL)

    assert host.requests == []


@pytest.mark.requirement("auth-document-ssrf")
@pytest.mark.parametrize(
    "addresses",
    [
        [],
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::1"],
        ["fe80::1"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        pytest.param(["8.8.8.8", "127.0.0.1"], id="one-of-several"),
    ],
)
async def test_addresses_that_are_not_public_are_never_connected_to(make, host, addresses):
    resolver = Told(*addresses, port=host.resolver.port)

    await assert_unknown(make(resolver=resolver, is_allowed=is_public_address))

    assert host.requests == []


async def test_unless_said_otherwise_addresses_have_to_be_public(host, now):
    documents = Documents(now=now, resolver=host.resolver, tls=host.tls)

    await assert_unknown(documents)
    await documents.close()

    assert host.requests == []
    assert host.resolver.asked


async def test_an_address_is_checked_again_where_it_is_connected_to(make, host):
    answers = iter([True, False])

    await assert_unknown(make(is_allowed=lambda _address: next(answers)))

    assert host.requests == []
    assert next(answers, None) is None


async def test_a_resolver_that_fails_is_a_failure():
    class Broken(Told):
        async def resolve(self, *_asked):
            raise OSError("no such name")

    resolver = CheckedResolver(Broken(), is_public_address)

    with pytest.raises(OSError, match="no such name"):
        await resolver.resolve("app.example.com", 443)
    await resolver.close()


async def test_all_addresses_of_a_public_name_are_given():
    found = await CheckedResolver(Told("8.8.8.8", "2606:4700::1111"), is_public_address).resolve(
        "app.example.com", 443
    )

    assert [one["host"] for one in found] == ["8.8.8.8", "2606:4700::1111"]


async def test_a_host_has_to_prove_its_name(make, host):
    await assert_unknown(make(tls=ssl.create_default_context()))
    await assert_unknown(make(), "https://other.example.com/c")

    assert host.requests == []


def answering(status=200, body=None, content_type="application/json", **headers):
    async def answer(_request):
        sent = orjson.dumps(DOCUMENT) if body is None else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(
            status=status, body=sent, headers={"Content-Type": content_type, **named}
        )

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answering(201), id="201"),
        pytest.param(answering(204, b""), id="204"),
        pytest.param(answering(304, b""), id="304-unasked"),
        pytest.param(answering(404), id="404"),
        pytest.param(answering(500), id="500"),
        pytest.param(answering(401, WWW_Authenticate="Basic"), id="401"),
        pytest.param(answering(301, Location=URL + "x"), id="301-same-host"),
        pytest.param(answering(302, Location="https://other.example.com/c"), id="302"),
        pytest.param(answering(307, Location="http://127.0.0.1/"), id="307-loopback"),
        pytest.param(answering(content_type="text/html"), id="html"),
        pytest.param(answering(content_type="text/json"), id="text-json"),
        pytest.param(answering(content_type="application/jsonx"), id="jsonx"),
        pytest.param(
            answering(body=gzip.compress(orjson.dumps(DOCUMENT)), Content_Encoding="gzip"),
            id="packed",
        ),
        pytest.param(answering(body=b"<html>"), id="not-json"),
        pytest.param(answering(body=b"[]"), id="not-an-object"),
        pytest.param(answering(body=b""), id="empty"),
        pytest.param(
            answering(body=orjson.dumps(DOCUMENT) + b" " * 5 * 1024), id="more-than-5-kib"
        ),
        pytest.param(
            answering(body=orjson.dumps(DOCUMENT | {"client_id": URL + "x"})), id="other-client"
        ),
        pytest.param(answering(body=orjson.dumps({"client_id": URL})), id="nothing-in-it"),
    ],
)
async def test_any_other_answer_is_no_document(make, host, answer):
    host.answer = answer

    await assert_unknown(make())

    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/client-metadata+json"],
)
async def test_a_document_is_json_by_its_type(make, host, content_type):
    host.answer = answering(content_type=content_type)

    assert await make().find(URL)


async def test_a_document_may_have_five_kib(make, host):
    host.answer = answering(body=orjson.dumps(DOCUMENT).ljust(5 * 1024))

    assert await make().find(URL)


async def test_a_host_that_dawdles_is_left(make, host, monkeypatch):
    monkeypatch.setattr(module, "FETCH_S", 0.05)
    is_over = asyncio.Event()

    async def dawdle(request):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b"{")
        await is_over.wait()
        return response

    host.answer = dawdle

    await assert_unknown(make())
    is_over.set()


async def test_a_fresh_copy_is_not_asked_for_again(make, host, now):
    host.headers = {"Cache-Control": "max-age=600"}
    documents = make()
    await documents.find(URL)

    now.now += 599
    await documents.find(URL)
    assert len(host.requests) == 1

    now.now += 1
    await documents.find(URL)
    assert len(host.requests) == 2


@pytest.mark.requirement("auth-document-cache")
@pytest.mark.parametrize(("control", "life_s"), [("no-store", 30), ("max-age=9999999", 24 * 3600)])
async def test_a_copy_is_kept_within_bounds(make, host, now, control, life_s):
    host.headers = {"Cache-Control": control}
    documents = make()
    await documents.find(URL)

    now.now += life_s - 1
    await documents.find(URL)
    assert len(host.requests) == 1

    now.now += 1
    await documents.find(URL)
    assert len(host.requests) == 2


async def test_what_has_not_changed_is_not_sent_again(make, host, now):
    host.headers = {"ETag": '"1"', "Cache-Control": "max-age=60"}
    documents = make()
    first = await documents.find(URL)

    now.now += 60
    assert await documents.find(URL) == first
    now.now += 59
    assert await documents.find(URL) == first

    assert [headers.get("If-None-Match") for _, headers in host.requests] == [None, '"1"']


async def test_what_has_changed_is_taken(make, host, now):
    host.headers = {"ETag": '"1"'}
    documents = make()
    await documents.find(URL)

    host.headers = {"ETag": '"2"'}
    host.document = DOCUMENT | {"client_name": "Another name"}
    now.now += 300

    assert (await documents.find(URL)).name == "Another name"


async def test_an_old_copy_serves_while_its_host_is_down(make, host, now):
    host.headers = {"Cache-Control": "max-age=60"}
    documents = make()
    await documents.find(URL)
    host.answer = answering(502, b"<html>down for maintenance", "text/html")

    now.now += 60
    assert await documents.find(URL)
    assert len(host.requests) == 2
    # For a few seconds nobody is asked again.
    now.now += 4
    assert await documents.find(URL)
    assert len(host.requests) == 2

    now.now += 24 * 3600 - 5
    assert await documents.find(URL)
    now.now += 5
    await assert_unknown(documents)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answering(404), id="gone"),
        pytest.param(answering(410), id="gone-for-good"),
        pytest.param(answering(301, Location=URL + "x"), id="moved"),
        pytest.param(answering(content_type="text/html"), id="html"),
        pytest.param(answering(body=b"{"), id="not-json"),
        pytest.param(answering(body=orjson.dumps(DOCUMENT | {"redirect_uris": []})), id="empty"),
        pytest.param(answering(body=orjson.dumps(DOCUMENT) + b" " * 5 * 1024), id="too-large"),
    ],
)
async def test_a_document_that_was_withdrawn_is_not_used_any_more(make, host, now, answer):
    host.headers = {"Cache-Control": "max-age=60"}
    documents = make()
    await documents.find(URL)
    host.answer = answer

    now.now += 60
    await assert_unknown(documents)

    # An outage does not bring it back.
    host.answer = answering(503)
    now.now += 5
    await assert_unknown(documents)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_host_that_is_down_takes_no_document_back(make, host, now, status):
    documents = make()
    await documents.find(URL)
    host.answer = answering(status)
    now.now += 300

    assert await documents.find(URL)


async def test_a_source_that_is_back_is_believed_again(make, host, now):
    documents = make()
    await documents.find(URL)
    host.answer = answering(503)
    now.now += 300
    await documents.find(URL)

    host.answer = host.give
    host.document = DOCUMENT | {"client_name": "Back again"}
    now.now += 5

    assert (await documents.find(URL)).name == "Back again"


async def test_a_failure_is_remembered_for_a_few_seconds_only(make, host, now):
    host.answer = answering(404)
    documents = make()
    await assert_unknown(documents)

    now.now += 4
    host.answer = host.give
    await assert_unknown(documents)
    assert len(host.requests) == 1

    now.now += 1
    assert await documents.find(URL)


async def test_many_who_ask_at_once_cause_one_request(make, host):
    documents = make()

    found = await asyncio.gather(*(documents.find(URL) for _ in range(20)))

    assert len(host.requests) == 1
    assert len({client.name for client in found}) == 1


async def test_memory_is_bounded_and_failures_push_nothing_out(make, host, monkeypatch):
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 2)
    documents = make()
    await documents.find(URL)
    for number in range(4):
        await assert_unknown(documents, f"{URL}/{number}")
    host.requests.clear()

    await documents.find(URL)
    assert host.requests == []

    for name in ("a", "b"):
        host.document = DOCUMENT | {"client_id": f"{URL}/{name}"}
        await documents.find(f"{URL}/{name}")
    host.requests.clear()
    host.document = DOCUMENT
    await documents.find(URL)
    assert len(host.requests) == 1


async def test_what_was_used_last_stays(make, host, monkeypatch):
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 2)
    documents = make()
    for name in ("a", "b"):
        host.document = DOCUMENT | {"client_id": f"{URL}/{name}"}
        await documents.find(f"{URL}/{name}")
    await documents.find(f"{URL}/a")
    host.document = DOCUMENT
    await documents.find(URL)
    host.requests.clear()

    await documents.find(f"{URL}/a")

    assert host.requests == []


async def test_closing_is_done_once_and_needs_no_connection(make):
    documents = make()
    await documents.close()
    await documents.find(URL)
    await documents.close()
    await documents.close()
