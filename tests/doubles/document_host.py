"""A web server for client documents: real TLS with an authority of its own, on loopback."""

import datetime as dt
import ssl

import orjson
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "app.example.com"
URL = f"https://{HOST}/oauth/client.json"
DOCUMENT = {
    "client_id": URL,
    "client_name": "Example MCP Client",
    "redirect_uris": ["http://localhost/callback", "https://app.example.com/callback"],
    "token_endpoint_auth_method": "none",
}


class Told(AbstractResolver):
    """Resolves every name to what it is told, and remembers what it was asked."""

    def __init__(self, *addresses, port=443):
        self.addresses = addresses
        self.port = port
        self.asked = []

    async def resolve(self, host, port=0, family=0):
        del family
        self.asked.append((host, port))
        return [
            {
                "hostname": host,
                "host": address,
                "port": self.port,
                "family": 10 if ":" in address else 2,
                "proto": 0,
                "flags": 4,
            }
            for address in self.addresses
        ]

    async def close(self):
        pass


class DocumentHost:
    """Answers every path with `answer`, which a test may change at any time.

    `requests` holds what came: path and headers. `tls` trusts this host and nobody else,
    `resolver` leads to it.
    """

    def __init__(self, folder):
        self.requests = []
        self.answer = self.give
        self.document = DOCUMENT
        self.headers = {}
        server_tls, self.tls = make_tls(folder)
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._server = TestServer(app)
        self._server_tls = server_tls
        self.resolver = None

    async def start(self):
        await self._server.start_server(ssl=self._server_tls)
        self.resolver = Told("127.0.0.1", port=self._server.port)
        return self

    async def close(self):
        await self._server.close()

    async def _handle(self, request):
        self.requests.append((request.raw_path, request.headers.copy()))
        return await self.answer(request)

    async def give(self, request):
        """Give the document, or say that it is the one that is known already."""
        etag = self.headers.get("ETag")
        if etag is not None and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=self.headers)
        return web.Response(
            body=orjson.dumps(self.document), content_type="application/json", headers=self.headers
        )


def make_tls(folder):
    """Give the server's and the client's side of TLS for `HOST`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin.replace(year=2090))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
    path = folder / "host.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=certificate.decode())
    return server, client
