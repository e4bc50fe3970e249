import asyncio

from atoms_mcp.store.channels import GAP, Channels


async def read(subscription, count):
    async with asyncio.timeout(5):
        return [await anext(subscription) for _ in range(count)]


async def test_a_reader_who_waits_is_woken():
    channels = Channels()
    async with channels.subscribe("a") as heard:
        reading = asyncio.create_task(read(heard, 2))
        await asyncio.sleep(0)
        for message in ("1", "2"):
            channels.deliver("a", message)

        assert await reading == ["1", "2"]


async def test_a_reader_goes_through_the_messages_as_they_come():
    channels, found = Channels(), []
    async with channels.subscribe("a") as heard:
        for message in ("1", "2"):
            channels.deliver("a", message)
        async for message in heard:
            found.append(message)
            if message == "2":
                break

    assert found == ["1", "2"]


async def test_a_reader_who_gives_up_loses_nothing():
    channels = Channels()
    async with channels.subscribe("a") as heard:
        reading = asyncio.create_task(read(heard, 1))
        await asyncio.sleep(0)
        reading.cancel()
        channels.deliver("a", "1")

        assert await read(heard, 1) == ["1"]


async def test_who_stays_far_behind_is_told_of_the_gap():
    channels = Channels()
    async with channels.subscribe("a", max_waiting=3) as heard:
        for number in range(6):
            channels.deliver("a", str(number))

        assert await read(heard, 3) == [GAP, "4", "5"]


async def test_a_gap_is_told_to_all():
    channels = Channels()
    async with channels.subscribe("a") as first, channels.subscribe("b") as second:
        channels.deliver_gap()

        assert await read(first, 1) == await read(second, 1) == [GAP]


async def test_who_has_left_is_given_nothing():
    channels = Channels()
    left = channels.subscribe("a")
    async with channels.subscribe("a") as heard:
        async with left:
            pass
        channels.deliver("a", "1")

        assert await read(heard, 1) == ["1"]
    async with left:
        channels.deliver("a", "2")
        assert await read(left, 1) == ["2"]
