import asyncio

from atoms_mcp.web.pulse import Pulse


class Heart:
    def __init__(self, pulse, looks):
        self.pulse = pulse
        self.looks = looks
        self.turns = []
        self.done = asyncio.Event()

    def look(self, turn):
        self.turns.append(turn)
        if len(self.turns) == self.looks:
            self.pulse.remove(self)
            self.done.set()


async def test_all_are_looked_after_by_one_timer_while_there_are_any():
    pulse = Pulse(look_every_s=0.001)
    first, second = Heart(pulse, 1), Heart(pulse, 3)
    for heart in (first, second):
        pulse.add(heart)
    async with asyncio.timeout(5):
        await second.done.wait()

    assert first.turns == [1]
    assert second.turns == [1, 2, 3]
    assert pulse.turn == 3
    later = Heart(pulse, 1)
    pulse.add(later)
    async with asyncio.timeout(5):
        await later.done.wait()
    assert later.turns == [4]
