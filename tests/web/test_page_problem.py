import pytest
from entrance import make_state, shown

from atoms_mcp.store.store import StoreDown


async def test_a_store_that_cannot_be_asked_is_told_on_the_page(web, visit, monkeypatch):
    async def fail(*_args):
        raise StoreDown("gone")

    monkeypatch.setattr(web.store, "put", fail)
    page = await visit.post(
        "/sign-in",
        {
            "state": make_state(visit),
            "email": "ada@acme.example",
            "password": "correct-horse-demo",
        },
    )

    assert page.status == 503
    assert page.headers["Retry-After"] == "5"
    assert shown(page) == ["This server cannot keep your sign-in right now."]
    assert "Try again in 5 seconds." in page.text
    assert "atoms_session" not in visit.cookies


@pytest.mark.parametrize(
    ("wait_s", "said"),
    [("1", "a second"), ("59", "59 seconds"), ("60", "a minute"), ("300", "5 minutes")],
)
async def test_a_wait_is_said_as_people_do(supabase, visit, wait_s, said):
    from supabase_double import answering  # noqa: PLC0415 - its own

    supabase.faults["/auth/v1/token"] = answering(429, b"{}", Retry_After=wait_s)
    fields = {"state": make_state(visit), "email": "a@b.c", "password": "x"}

    page = await visit.post("/sign-in", fields)

    assert f"Wait {said}, then try again." in page.text
