import pytest
from engine_double import ALL

from atoms_mcp.protocol import content
from atoms_mcp.protocol.revisions.since import SINCE, strip, strip_block, strip_members

# The table of the down-level conversion: what each revision is told of, and no older one.
FIRST = [(kind, member, since) for kind, table in SINCE.items() for member, since in table.items()]


@pytest.mark.parametrize("revision", ALL)
@pytest.mark.parametrize(("kind", "member", "since"), FIRST)
def test_a_member_is_told_since_there_is_one(revision, kind, member, since):
    stripped = strip(kind, {member: 1, "name": "n"}, revision)

    assert stripped["name"] == "n"
    assert (member in stripped) == (revision >= since)


def test_what_is_as_old_as_mcp_is_always_told():
    assert strip("no such kind", {"a": 1}, "2024-11-05") == {"a": 1}


@pytest.mark.parametrize("revision", ALL)
def test_a_link_is_a_text_before_there_were_links(revision):
    block = content.link("a://b", "b", title="Bee") | {"icons": []}

    told = strip_block(block, revision)

    if revision < "2025-06-18":
        assert told == content.text("Bee: a://b")
    else:
        assert told["type"] == "resource_link"
        assert ("icons" in told) == (revision >= "2025-11-25")


@pytest.mark.parametrize("revision", ALL)
def test_a_sound_is_a_text_before_there_were_sounds(revision):
    told = strip_block(content.audio(b"RIFF", "audio/wav"), revision)

    assert told["type"] == ("text" if revision == "2024-11-05" else "audio")


@pytest.mark.parametrize("revision", ALL)
def test_notes_on_a_block_lose_what_came_later(revision):
    block = content.text("hi") | {"annotations": {"priority": 1, "lastModified": "2026-01-01"}}

    noted = strip_block(block, revision)["annotations"]

    assert noted["priority"] == 1
    assert ("lastModified" in noted) == (revision >= "2025-06-18")


def test_members_of_no_known_list_are_left_alone():
    members = {"contents": [{"uri": "a://b", "title": "kept"}], "nextCursor": "x"}

    assert strip_members(members, "2024-11-05") == members
