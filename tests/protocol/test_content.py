import base64

import pytest

from atoms_mcp.protocol import content


def test_each_kind_of_block_names_its_type():
    assert content.text("hi") == {"type": "text", "text": "hi"}
    assert content.image(b"\x89P", "image/png") == {
        "type": "image",
        "data": base64.b64encode(b"\x89P").decode(),
        "mimeType": "image/png",
    }
    assert content.audio(b"RI", "audio/wav")["type"] == "audio"


def test_a_link_says_only_what_is_known():
    assert content.link("a://b", "B") == {"type": "resource_link", "uri": "a://b", "name": "B"}
    assert content.link("a://b", "B", title="Bee", mime_type="text/plain") == {
        "type": "resource_link",
        "uri": "a://b",
        "name": "B",
        "title": "Bee",
        "mimeType": "text/plain",
    }


@pytest.mark.requirement("res-binary")
def test_a_block_can_hold_what_reading_answers():
    held = content.text_contents("a://b", "hi")

    assert content.resource(held) == {
        "type": "resource",
        "resource": {"uri": "a://b", "mimeType": "text/plain", "text": "hi"},
    }
    assert content.blob_contents("a://b", b"\x00", "x/y")["blob"] == "AA=="
