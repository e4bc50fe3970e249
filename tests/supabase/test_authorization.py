import pytest

from atoms_mcp.supabase.authorization import (
    Authorization,
    Consent,
    Decided,
    read_authorization,
    read_consents,
    read_decided,
)
from atoms_mcp.supabase.errors import SupabaseError

WHOLE = Authorization(
    id="a1",
    client_id="c1",
    client_name="A client",
    redirect_uri="https://client.example/cb",
    scope="email",
)


@pytest.mark.parametrize("prefix", ["", "client_"])
def test_both_ways_to_tell_of_a_client_are_read(prefix):
    client = {"id": "c1", "name": "A client", "uri": "https://client.example"}
    body = {
        "authorization_id": "a1",
        "client": {prefix + name: value for name, value in client.items()},
        "redirect_uri": "https://client.example/cb",
        "scope": "email",
        "user": {"id": "u1", "email": "ada@acme.example"},
    }

    assert read_authorization(body) == WHOLE


def test_what_is_not_told_is_empty():
    told = read_authorization({"authorization_id": "a1", "client": {"id": "c1"}, "user": None})

    assert told == Authorization("a1", "c1", "", "", "")


def test_an_earlier_yes_leads_on():
    assert read_authorization({"redirect_url": "https://x/cb?code=1"}) == Decided(
        "https://x/cb?code=1"
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"authorization_id": "a1"},
        {"authorization_id": "a1", "client": {}},
        {"client": {"id": "c1"}},
        {"redirect_url": None},
    ],
)
def test_anything_else_is_wrong(body):
    with pytest.raises(SupabaseError) as caught:
        read_authorization(body)

    assert caught.value.kind == "wrong"


def test_a_decision_without_a_way_on_is_wrong():
    with pytest.raises(SupabaseError):
        read_decided({})


def grant(**changed):
    client = {"id": "c1", "name": "A client", "uri": "", "logo_uri": ""}
    return {"client": client, "scopes": ["email"], "granted_at": "2027-01-15T08:00:00Z"} | changed


def test_what_a_user_allowed_is_read():
    assert read_consents([grant(), grant(client={})]) == (
        Consent("c1", "A client", "email", 1_800_000_000),
    )
    assert read_consents([grant(scopes=None)])[0].scope == ""
    assert read_consents([grant(scopes=["a", 1, "b"])])[0].scope == "a b"
    assert read_consents([]) == ()


@pytest.mark.parametrize(
    "parsed",
    [
        None,
        {},
        [1],
        [grant(client="c1")],
        [grant(client={"name": "A client"})],
        [grant(granted_at=None)],
        [grant(granted_at="yesterday")],
    ],
)
def test_what_is_no_list_of_that_is_wrong(parsed):
    with pytest.raises(SupabaseError) as caught:
        read_consents(parsed)
    assert caught.value.kind == "wrong"
