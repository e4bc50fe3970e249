import base64

import pytest

from atoms_mcp.identity.box import Box
from atoms_mcp.identity.seal import SealBroken

KEY, OTHER = b"k" * 32, b"o" * 32
LONG = b"VEH-1 " * 100_000


def test_what_is_locked_can_be_opened_however_long_it_is():
    box = Box([KEY])

    assert box.open("task:1", box.lock("task:1", LONG)) == LONG


def test_nothing_can_be_read_from_outside_and_the_same_never_looks_the_same():
    box = Box([KEY])
    one, two = box.lock("a", b"VEH-1"), box.lock("a", b"VEH-1")

    assert b"VEH-1" not in base64.b64decode(one)
    assert one != two


def test_an_older_key_opens_and_the_newest_locks():
    locked = Box([OTHER]).lock("a", b"x")
    rotated = Box([KEY, OTHER])

    assert rotated.open("a", locked) == b"x"
    assert Box([KEY]).open("a", rotated.lock("a", b"y")) == b"y"


@pytest.mark.parametrize("tamper", ["name", "key", "bit", "cut", "short", "text", "empty"])
def test_whatever_is_wrong_it_is_broken(tamper):
    locked = Box([KEY]).lock("a", b"hello")
    raw = base64.b64decode(locked)
    given = {
        "bit": base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode(),
        "cut": locked[:-5],
        "short": base64.b64encode(raw[:3]).decode(),
        "text": "ü" + locked,
        "empty": "",
    }.get(tamper, locked)
    box = Box([OTHER if tamper == "key" else KEY])

    with pytest.raises(SealBroken):
        box.open("b" if tamper == "name" else "a", given)
