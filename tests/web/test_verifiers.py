from entrance import make_state

from atoms_mcp.web.forms import FORMS
from atoms_mcp.web.verifiers import MAX_WAYS


async def leave(visit):
    await visit.post("/sign-in/provider", {"state": make_state(visit), "provider": "github"})
    sealed = visit.cookies["atoms_ways"]
    ways = visit.web.app[FORMS].open("ways", visit.cookies["atoms_form"], sealed)["ways"]
    return [way for way, _verifier in ways]


async def test_several_ways_are_kept_and_the_oldest_makes_room(visit):
    seen = [await leave(visit) for _ in range(MAX_WAYS + 1)]

    assert [len(ways) for ways in seen] == [1, 2, 3, 4, 4]
    assert seen[4] == [*seen[3][1:], seen[4][-1]]
    assert len(visit.cookies["atoms_ways"]) < 1500


async def test_what_was_tampered_with_or_is_too_old_counts_as_none(visit, clock):
    await leave(visit)
    visit.cookies["atoms_ways"] = visit.cookies["atoms_ways"][:-4] + "AAAA"
    assert len(await leave(visit)) == 1

    clock.now += 3601
    assert len(await leave(visit)) == 1
