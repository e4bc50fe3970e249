"""The list of apps: where it comes from in each mode, and what is said of each app."""

import json

import pytest
from aiohttp import web as aiohttp_web
from connections_table import ConnectionsTable, hold
from supabase_double import answering, refusal

from atoms_mcp.identity.connections import Connection
from atoms_mcp.web.apps import render_apps
from atoms_mcp.web.texts import load_texts

GID = "11111111-1111-4111-8111-111111111111"
PLACE = "/auth/v1/user/oauth/grants"
NOW = 1_800_000_000
TEXTS = load_texts()


class Consents:
    """What a user allowed at Supabase's own server."""

    def __init__(self, supabase):
        client = {"id": GID, "name": "Claude", "uri": "", "logo_uri": ""}
        self.rows = [
            {"client": client, "scopes": ["email"], "granted_at": "2026-11-01T10:00:00.5Z"},
            {"client": {}, "scopes": [], "granted_at": "2026-11-01T10:00:00Z"},
        ]
        self.revoked = []
        supabase.faults[PLACE] = self.handle

    async def handle(self, request):
        if request.method == "DELETE":
            self.revoked.append(request.query["client_id"])
            return aiohttp_web.Response(status=204)
        return aiohttp_web.json_response(self.rows)


@pytest.fixture
def consents(supabase):
    return Consents(supabase)


@pytest.fixture
async def delegated(make_web, make_visit):
    """A browser in which Ada has signed in, in mode delegated."""
    return await make_visit(await make_web(ATOMS_FASTMCP_AUTH_MODE="delegated"), is_signed_in=True)


def app(**changed):
    given = {
        "id": GID,
        "client_id": "c",
        "client_name": "Inspector",
        "client_host": None,
        "redirect_host": "client.example",
        "scope": "atoms:read",
        "session_id": "s",
        "created_at": NOW - 7200,
        "last_used_at": NOW - 60,
    }
    return Connection(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "about"),
    [
        ({}, "client.example · Read only"),
        ({"scope": "atoms:write"}, "client.example · Read and write"),
        ({"scope": "", "redirect_host": ""}, "Your permissions"),
        ({"client_host": "client.example"}, "client.example · Read only"),
        ({"client_host": "id.example"}, "client.example · id.example · Read only"),
        ({"redirect_host": "[::1]"}, "A program on this computer · Read only"),
        ({"redirect_host": "cursor://x"}, "An app on this device (cursor://x) · Read only"),
        ({"redirect_host": "\u202ea.example"}, "a.example · Read only"),
    ],
)
def test_an_app_is_described_in_a_line(changed, about):
    assert render_apps([app(**changed)], TEXTS, NOW)[0]["about"] == about


def test_the_times_are_said_in_words_for_machines_and_exactly():
    connected, used = render_apps([app()], TEXTS, NOW)[0]["moments"]

    assert connected == {
        "label": "Connected",
        "words": "2 hours ago",
        "iso": "2027-01-15T06:00:00Z",
        "exact": "2027-01-15 06:00 UTC",
    }
    assert (used["label"], used["words"]) == ("Last used", "1 minute ago")


def test_a_time_that_is_not_known_is_left_out():
    [moment] = render_apps([app(last_used_at=0)], TEXTS, NOW)[0]["moments"]

    assert moment["label"] == "Connected"


def test_the_app_that_was_used_last_comes_first():
    names = [
        shown["name"]
        for shown in render_apps(
            [
                app(client_name="old", last_used_at=NOW - 500),
                app(client_name="new", last_used_at=0, created_at=NOW),
                app(client_name="used", last_used_at=NOW - 5),
            ],
            TEXTS,
            NOW,
        )
    ]

    assert names == ["new", "used", "old"]


async def test_an_app_of_ours_is_listed_and_ended(web, supabase, signed_in):
    table = ConnectionsTable(supabase)
    table.add(GID)
    await hold(web, GID)

    await signed_in.press(await signed_in.get("/account"), "app", GID)

    assert table.rows == {}
    assert await web.store.is_marked(f"revoked:{GID}")


async def test_apps_of_ours_are_let_go_when_all_sessions_end(web, supabase, signed_in):
    table = ConnectionsTable(supabase)
    table.add(GID, session_id="session-2")
    await hold(web, GID, "session-2")

    await signed_in.press(await signed_in.get("/account"), "where", "everywhere")

    assert table.rows == {}
    assert await web.store.is_marked(f"revoked:{GID}")


async def test_without_the_table_there_is_no_list(supabase, signed_in):
    supabase.faults["/rest/v1/mcp_grants"] = answering(404, b'{"code":"PGRST205","message":"no"}')

    page = await signed_in.get("/account")

    assert "cannot be listed" in page.text
    assert "atoms-mcp schema" in page.text


async def test_in_mode_delegated_supabase_keeps_the_list(supabase, delegated, consents):
    table = ConnectionsTable(supabase)
    table.add(GID, "of another mode")

    page = await delegated.get("/account")

    assert "Claude Your permissions Connected" in page.text
    assert "Last used" not in page.text
    assert "of another mode" not in page.text
    assert len(page.form("app", GID).buttons) == 1
    assert consents.revoked == []


async def test_in_mode_delegated_supabase_ends_an_app(delegated, consents):
    answer = await delegated.press(await delegated.get("/account"), "app", GID)

    assert answer.location == "/account"
    assert consents.revoked == [GID]


async def test_in_mode_delegated_signing_out_everywhere_is_supabases_matter(
    supabase, delegated, consents
):
    answer = await delegated.press(await delegated.get("/account"), "where", "everywhere")

    assert answer.location == "/account"
    assert supabase.count("/auth/v1/logout") == 1
    assert consents.revoked == []


async def test_a_project_without_an_oauth_server_has_no_list(supabase, delegated):
    async def refuse(_request):
        return refusal(404, "not_found")

    supabase.faults[PLACE] = refuse

    page = await delegated.get("/account")

    assert page.status == 200
    assert "cannot be listed" in page.text
    assert "atoms-mcp schema" not in page.text


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (answering(503, b"{}"), 503),
        (answering(200, b"{}"), 502),
        (answering(200, json.dumps([1]).encode()), 502),
    ],
)
async def test_a_list_that_cannot_be_had_is_no_empty_one(supabase, delegated, fault, status):
    supabase.faults[PLACE] = fault

    assert (await delegated.get("/account")).status == status
