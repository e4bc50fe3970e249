import orjson
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from atoms_mcp.doctor.visit import Answer


@pytest.fixture
def answered():
    """Make an answer as if it had come over the wire."""

    def make(body=None, *, status=200, url="http://127.0.0.1/x", at=0.0, **headers):
        sent = CIMultiDict({"Content-Type": "application/json"})
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return Answer(url, status, CIMultiDictProxy(sent), raw, at)

    return make
