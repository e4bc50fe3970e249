import pytest

from atoms_mcp.identity.records import CodeClaims, RefreshClaims, open_claims, seal_claims
from atoms_mcp.identity.seal import Seal, SealBroken

SEAL = Seal([b"k" * 32])
REFRESH = RefreshClaims("gid", "sid", "secret-rt", "uid", "client", "s", "iss", "aud", 3, 1000)
CODE = CodeClaims(
    jti="secret-jti",
    gid="gid",
    sid="sid",
    rt="secret-rt",
    uid="uid",
    client_id="client",
    shown_id="client",
    client_name="Client",
    client_host=None,
    redirect_uri="https://a.example/cb",
    has_redirect_uri=True,
    challenge="c",
    resource="aud",
    issuer="iss",
    scope="s",
    exp=1000,
)


@pytest.mark.parametrize("claims", [CODE, REFRESH])
def test_what_was_sealed_is_opened_again(claims):
    sealed = seal_claims(SEAL, claims)

    assert open_claims(SEAL, type(claims), sealed) == claims
    assert "secret" not in sealed + repr(claims)


def test_one_kind_is_not_another():
    with pytest.raises(SealBroken):
        open_claims(SEAL, CodeClaims, seal_claims(SEAL, REFRESH))
    with pytest.raises(SealBroken):
        open_claims(SEAL, RefreshClaims, seal_claims(SEAL, CODE))


@pytest.mark.parametrize("claims", [{}, {"gid": "x"}, {"gid": "x", "unheard": 1}])
def test_what_another_version_made_is_refused(claims):
    with pytest.raises(SealBroken):
        open_claims(SEAL, RefreshClaims, SEAL.seal("refresh", claims))
