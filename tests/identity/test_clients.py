import re

import pytest
from document_host import DOCUMENT, HOST, URL, DocumentHost

from atoms_mcp.errors import ConfigError
from atoms_mcp.identity.clients import Clients, load_clients
from atoms_mcp.identity.documents import Documents
from atoms_mcp.identity.quota import Quota, TooOften
from atoms_mcp.identity.seal import Seal
from atoms_mcp.oauth.clients import Client, digest_secret
from atoms_mcp.oauth.errors import OAuthError, UnknownClient
from atoms_mcp.oauth.token_request import ClientCredentials

OLD, NEW = b"o" * 32, b"n" * 32
NOW = 1_800_000_000
METADATA = {
    "client_name": "Visual Studio Code",
    "redirect_uris": [
        "https://insiders.vscode.dev/redirect",
        "https://vscode.dev/redirect",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
    ],
    "token_endpoint_auth_method": "none",
}
CONFIDENTIAL = METADATA | {"token_endpoint_auth_method": "client_secret_post"}
URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")


def make(*keys, **more):
    return Clients(Seal(keys or [NEW]), now=lambda: NOW + 0.5, **more)


def says(client_id, *secrets, method="client_secret_post"):
    return ClientCredentials(client_id, secrets, method if secrets else "none")


@pytest.fixture
async def host(tmp_path):
    host = await DocumentHost(tmp_path).start()
    yield host
    await host.close()


@pytest.fixture
async def documents(host):
    documents = Documents(
        domains=("example.com",), resolver=host.resolver, is_allowed=lambda _: True, tls=host.tls
    )
    yield documents
    await documents.close()


async def test_a_public_client_registers_and_is_found():
    clients = make()

    told = clients.register(METADATA)

    assert told["client_id_issued_at"] == NOW
    assert told["redirect_uris"] == METADATA["redirect_uris"]
    assert "client_secret" not in told
    client = await clients.find(told["client_id"])
    assert client == Client(
        client_id=told["client_id"],
        name="Visual Studio Code",
        redirect_uris=tuple(METADATA["redirect_uris"]),
        auth_method="none",
        origin="registered",
        scope="atoms:read atoms:write",
    )


async def test_another_server_with_the_key_knows_the_client_too():
    told = make(OLD).register(CONFIDENTIAL)

    rotated = make(NEW, OLD)

    client = await rotated.find(told["client_id"])
    assert client.name == "Visual Studio Code"
    rotated.authenticate(client, says(told["client_id"], told["client_secret"]))
    with pytest.raises(UnknownClient):
        await make(NEW).find(told["client_id"])


def test_ids_and_secrets_go_into_urls_as_they_are():
    told = make().register(CONFIDENTIAL)

    assert URL_SAFE.fullmatch(told["client_id"])
    assert URL_SAFE.fullmatch(told["client_secret"])
    assert len(told["client_secret"]) >= 43
    assert told["client_secret_expires_at"] == 0
    assert len(told["client_id"]) < 1024


def test_an_id_is_nobodys_own_choice_and_never_the_same():
    clients = make()

    first = clients.register(CONFIDENTIAL | {"client_id": "mine", "client_secret": "mine"})
    second = clients.register(CONFIDENTIAL)

    assert len({first["client_id"], second["client_id"], "mine"}) == 3
    assert len({first["client_secret"], second["client_secret"], "mine"}) == 3


def test_a_registration_that_fits_into_no_url_is_refused():
    uris = [f"https://c.example/{number}" + "a" * 2000 for number in range(4)]

    with pytest.raises(OAuthError, match="fewer or shorter") as caught:
        make().register({"redirect_uris": uris})

    assert caught.value.error == "invalid_client_metadata"


def test_what_no_seal_can_hold_is_refused_likewise():
    uris = [f"https://c.example/{number}" + "a" * 2000 for number in range(10)]

    with pytest.raises(OAuthError, match="fewer or shorter"):
        make().register({"redirect_uris": uris})


def test_where_clients_cannot_register_they_are_told_so():
    with pytest.raises(OAuthError, match="ask the operator") as caught:
        make(can_register=False).register(METADATA)

    assert (caught.value.error, caught.value.status) == ("access_denied", 403)


async def test_who_registered_before_that_goes_on():
    told = make().register(METADATA)

    assert await make(can_register=False).find(told["client_id"])


@pytest.mark.parametrize("metadata", [{}, {"redirect_uris": ["http://evil.example/"]}])
def test_a_bad_registration_is_refused(metadata):
    with pytest.raises(OAuthError) as caught:
        make().register(metadata)

    assert caught.value.error == "invalid_redirect_uri"


def test_private_schemes_are_those_of_the_list():
    metadata = {"redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback"]}

    assert make(schemes=("cursor",)).register(metadata)
    with pytest.raises(OAuthError):
        make().register(metadata)


@pytest.mark.parametrize("client_id", ["", "x", "a.b.c.d.e", "mcp_client", "ä", "a" * 20_000])
async def test_an_id_that_is_none_is_unknown(client_id):
    with pytest.raises(UnknownClient):
        await make().find(client_id)


async def test_what_is_sealed_for_something_else_is_no_client():
    seal = Seal([NEW])
    for purpose in ("code", "access", "refresh", "browser", "form"):
        sealed = seal.seal(
            purpose, {"n": "x", "r": ["https://c.example/"], "m": 0, "s": "", "t": 1}
        )

        with pytest.raises(UnknownClient):
            await Clients(seal).find(sealed)


async def test_an_id_of_another_version_is_unknown():
    seal = Seal([NEW])
    claims = {"n": "x", "r": ["https://c.example/"], "m": 0, "s": "", "t": 1}
    for other in ({name: claims[name] for name in claims if name != "s"}, claims | {"m": 9}):
        with pytest.raises(UnknownClient):
            await Clients(seal).find(seal.seal("client", other))


async def test_a_changed_id_is_unknown():
    client_id = make().register(METADATA)["client_id"]
    middle = len(client_id) // 2
    changed = (
        client_id[:middle] + ("A" if client_id[middle] != "A" else "B") + client_id[middle + 1 :]
    )

    with pytest.raises(UnknownClient):
        await make().find(changed)


async def test_a_public_client_proves_nothing():
    clients = make()
    client_id = clients.register(METADATA)["client_id"]

    assert clients.admit(says(client_id)) == await clients.find(client_id)


def test_a_public_client_has_no_secret_to_show():
    clients = make()
    client_id = clients.register(METADATA)["client_id"]

    with pytest.raises(OAuthError, match="missing or wrong"):
        clients.admit(says(client_id, "made-up"))


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("registered", ["client_secret_post", "client_secret_basic"])
def test_a_secret_is_taken_in_both_ways_whichever_was_registered(method, registered):
    clients = make()
    told = clients.register(METADATA | {"token_endpoint_auth_method": registered})

    assert clients.admit(says(told["client_id"], told["client_secret"], method=method))


def test_any_spelling_that_fits_will_do():
    clients = make()
    told = clients.register(CONFIDENTIAL)
    credentials = says(told["client_id"], "other", told["client_secret"])

    assert clients.admit(credentials)


@pytest.mark.parametrize("secrets", [(), ("wrong",), ("wrong", "wronger"), ("\ud800",)])
def test_a_wrong_secret_or_none_is_refused(secrets):
    clients = make()
    told = clients.register(CONFIDENTIAL)

    with pytest.raises(OAuthError) as caught:
        clients.admit(says(told["client_id"], *secrets))

    assert (caught.value.error, caught.value.status) == ("invalid_client", 401)
    assert caught.value.challenge is None


def test_a_wrong_secret_in_a_basic_header_is_challenged():
    clients = make()
    told = clients.register(CONFIDENTIAL)

    with pytest.raises(OAuthError) as caught:
        clients.admit(says(told["client_id"], "wrong", method="client_secret_basic"))

    assert caught.value.challenge.startswith("Basic ")


def test_the_secret_of_another_client_is_wrong():
    clients = make()
    mine, other = clients.register(CONFIDENTIAL), clients.register(CONFIDENTIAL)

    with pytest.raises(OAuthError):
        clients.admit(says(mine["client_id"], other["client_secret"]))


def test_nobody_is_admitted_who_is_unknown():
    with pytest.raises(UnknownClient) as caught:
        make().admit(says("nobody", "secret"))

    assert caught.value.status == 401


async def test_a_client_of_the_operator_is_found_first():
    client = Client(
        "dashboard",
        "Our dashboard",
        ("https://d.example/cb",),
        "client_secret_basic",
        "configured",
        secret_digest=digest_secret("a+secret/of=some%20length"),
    )
    clients = make(configured={"dashboard": client})

    assert await clients.find("dashboard") is client
    assert clients.admit(says("dashboard", "a secret", "a+secret/of=some%20length")) is client
    with pytest.raises(OAuthError):
        clients.admit(says("dashboard"))


async def test_a_client_is_found_by_its_document(documents):
    client = await make(documents=documents).find(URL)

    assert (client.host, client.name) == (HOST, DOCUMENT["client_name"])


async def test_a_grant_of_such_a_client_needs_no_document(documents, host):
    client = make(documents=documents).admit(says(URL))

    assert (client.client_id, client.name, client.origin) == (URL, HOST, "document")
    assert host.requests == []


def test_such_a_client_has_no_secret(documents):
    with pytest.raises(OAuthError, match="missing or wrong"):
        make(documents=documents).admit(says(URL, "secret"))


@pytest.mark.parametrize("url", ["https://app.example.org/c", "https://127.0.0.1/c", "https://"])
async def test_a_url_that_may_name_none_is_unknown(documents, host, url):
    clients = make(documents=documents)

    with pytest.raises(UnknownClient):
        await clients.find(url)
    with pytest.raises(UnknownClient):
        clients.admit(says(url))

    assert host.resolver.asked == []


async def test_where_no_documents_are_taken_none_is_fetched():
    with pytest.raises(UnknownClient):
        await make().find(URL)
    with pytest.raises(UnknownClient):
        make().admit(says(URL))


async def test_an_address_may_cause_so_many_and_no_more(documents, host):
    clients = make(documents=documents, quota=Quota("clients", "2 per hour"))
    await clients.find(URL, "192.0.2.1")
    for _ in range(3):
        # It is at hand, so nobody is asked.
        await clients.find(URL, "192.0.2.1")
    await clients.count("192.0.2.1")
    host.requests.clear()

    with pytest.raises(TooOften):
        await clients.find(URL + "?other", "192.0.2.1")
    with pytest.raises(TooOften):
        await clients.count("192.0.2.1")

    assert host.requests == []
    assert await clients.find(URL, "192.0.2.1")
    await clients.count("192.0.2.2")


async def test_registered_clients_are_found_without_counting():
    clients = make(quota=Quota("clients", "1 per hour"))
    client_id = clients.register(METADATA)["client_id"]

    for _ in range(3):
        assert await clients.find(client_id, "192.0.2.1")


def test_without_a_file_the_operator_has_no_clients():
    assert load_clients(None, ()) == {}


def test_the_file_of_the_operator_is_read(tmp_path):
    path = tmp_path / "clients.toml"
    path.write_text(
        "[[client]]\nclient_id = 'a'\nclient_name = 'Ä'\nredirect_uris = ['x-desk:/cb']\n",
        encoding="utf-8",
    )

    assert load_clients(path, ["x-desk"])["a"].name == "Ä"
    with pytest.raises(ConfigError) as caught:
        load_clients(path, [])
    (fault,) = caught.value.faults
    assert fault.startswith(f"ATOMS_OAUTH_CLIENTS: {path}: client 1: redirect URI x-desk:/cb")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path, content):
    path = tmp_path / "clients.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError, match="cannot be read"):
        load_clients(path, [])
