import asyncio

import pytest

from atoms_mcp.engine.sessions import streams
from atoms_mcp.engine.sessions.streams import KEEP_S, Streams


class Pipe:
    """A connection that keeps what it was given."""

    def __init__(self):
        self.got = []
        self.is_finished = False
        self.is_gone = False

    def put(self, message, event_id):
        self.got.append((message, event_id))

    def finish(self):
        self.is_finished = True

    @property
    def messages(self):
        return [message for message, _ in self.got]

    @property
    def last_id(self):
        return self.got[-1][1]


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def kept(clock):
    made = Streams(clock=clock)
    yield made
    made.close()


@pytest.mark.requirement("sse-id-unique", "sse-id-stream")
async def test_every_event_of_a_session_has_an_id_of_its_own(kept):
    pipes = [Pipe() for _ in range(3)]
    for pipe in pipes:
        stream = kept.begin("s", pipe)
        kept.prime(stream)
        for message in (b"1", b"2"):
            kept.send(stream, message)

    ids = [event_id for pipe in pipes for _, event_id in pipe.got]
    assert len(set(ids)) == len(ids) == 9
    assert pipes[0].messages == [b"", b"1", b"2"]
    assert len({event_id.partition("-")[0] for event_id in ids}) == 3


@pytest.mark.requirement("sse-replay", "sse-one-stream")
async def test_who_comes_back_gets_what_followed_in_that_stream_and_no_other(kept):
    first, beside, later = Pipe(), Pipe(), Pipe()
    stream, other = kept.begin("s", first), kept.begin("s", beside)
    kept.send(stream, b"1")
    seen = first.last_id
    kept.leave(stream, first)
    kept.send(stream, b"2")
    kept.send(other, b"of the other")
    kept.send(stream, b"3")

    assert kept.knows("s", seen)
    assert kept.resume("s", seen, later) is stream
    kept.send(stream, b"4")

    assert first.messages == [b"1"]
    assert later.messages == [b"2", b"3", b"4"]
    kept.end(stream)
    assert later.is_finished
    assert not beside.is_finished


async def test_an_answer_that_was_sent_meanwhile_waits_for_its_client(kept):
    first, later = Pipe(), Pipe()
    stream = kept.begin("s", first)
    kept.prime(stream)
    kept.leave(stream, first)
    kept.send(stream, b"answer")
    kept.end(stream)

    kept.resume("s", first.last_id, later)

    assert later.messages == [b"answer"]
    assert later.is_finished
    again = Pipe()
    kept.resume("s", later.last_id, again)
    assert again.messages == []
    assert again.is_finished


async def test_a_second_connection_takes_over_from_one_that_was_not_known_to_be_gone(kept):
    first, later = Pipe(), Pipe()
    stream = kept.begin("s", first)
    kept.send(stream, b"1")

    kept.resume("s", first.last_id, later)
    kept.leave(stream, first)
    kept.send(stream, b"2")

    assert first.is_finished
    assert first.messages == [b"1"]
    assert later.messages == [b"2"]


@pytest.mark.parametrize("wrong", ["", "p", "x-1", "p0123456789ab", "p0123456789ab-", "p0123-1"])
async def test_an_id_that_is_none_of_ours_is_not_known(kept, wrong):
    kept.begin("s", Pipe())

    assert not kept.knows("s", wrong)
    assert kept.resume("s", wrong, Pipe()) is None


async def test_a_stream_is_of_its_session_alone(kept):
    pipe = Pipe()
    kept.send(kept.begin("s", pipe), b"1")

    assert not kept.knows("other", pipe.last_id)
    assert kept.resume("other", pipe.last_id, Pipe()) is None


async def test_one_stream_stands_for_a_session(kept):
    first, second, other = Pipe(), Pipe(), Pipe()
    forgotten = []
    stream = kept.stand("s", first)
    stream.forget = lambda: forgotten.append("first")
    kept.stand("t", other)
    kept.prime(stream)
    kept.stand("s", second)

    assert first.is_finished
    assert not second.is_finished
    assert not other.is_finished
    assert forgotten == []
    # Its client may have its id still: it is given a new stream, not an error.
    assert kept.knows("s", first.last_id)
    assert kept.resume("s", first.last_id, Pipe()) is None
    kept.drop_session("s")
    assert forgotten == ["first"]


async def test_what_stands_elsewhere_later_ends_what_stands_here(kept):
    pipe = Pipe()
    stream = kept.stand("s", pipe)
    stream.stands_since = 10.0

    kept.drop_standing("s", before=10.0)
    assert not pipe.is_finished
    kept.drop_standing("s", before=10.5)
    assert pipe.is_finished


async def test_the_end_of_a_session_ends_its_streams(kept):
    pipes = [Pipe(), Pipe(), Pipe()]
    kept.stand("s", pipes[0])
    kept.begin("s", pipes[1])
    kept.begin("t", pipes[2])

    kept.drop_session("s")
    kept.drop_session("unknown")

    assert [pipe.is_finished for pipe in pipes] == [True, True, False]


async def test_what_is_said_to_a_dropped_stream_is_lost_and_no_fault(kept):
    pipe = Pipe()
    stream = kept.begin("s", pipe)
    kept.drop(stream)
    kept.drop(stream)
    kept.send(stream, b"1")

    assert pipe.got == []


async def test_only_so_many_messages_are_kept_for_a_session(kept, monkeypatch):
    monkeypatch.setattr(streams, "MAX_EVENTS", 3)
    first, later = Pipe(), Pipe()
    old, stream = kept.begin("s", Pipe()), kept.begin("s", first)
    kept.send(old, b"old")
    kept.prime(stream)
    start = first.last_id
    for message in (b"1", b"2", b"3", b"4"):
        kept.send(stream, message)

    kept.resume("s", start, later)
    assert later.messages == [b"2", b"3", b"4"]
    assert not old.events


async def test_only_so_many_bytes_are_kept_for_a_session(kept, monkeypatch):
    monkeypatch.setattr(streams, "MAX_BYTES", 10)
    first, later = Pipe(), Pipe()
    stream = kept.begin("s", first)
    kept.prime(stream)
    for message in (b"x" * 6, b"y" * 6, b"z" * 100):
        kept.send(stream, message)

    kept.resume("s", first.last_id.partition("-")[0] + "-0", later)
    assert later.messages == []
    kept.send(stream, b"ok")
    assert later.messages == [b"ok"]


async def test_what_says_how_a_request_ended_is_kept_longer_than_what_was_said_before(
    kept, monkeypatch
):
    monkeypatch.setattr(streams, "MAX_EVENTS", 3)
    later, latest = Pipe(), Pipe()
    stream, busy = kept.begin("s", Pipe()), kept.begin("s", Pipe())
    kept.send(stream, b"progress")
    kept.end(stream, b"answer")
    for number in range(5):
        kept.send(busy, b"%d" % number)

    assert kept.knows("s", f"{stream.id}-0")
    kept.resume("s", f"{stream.id}-0", later)
    assert later.messages == [b"answer"]
    assert [message for _, message in busy.events] == [b"3", b"4"]

    for _ in range(3):
        kept.end(kept.begin("s", Pipe()), b"another")
    kept.resume("s", f"{stream.id}-0", latest)
    assert latest.messages == []


async def test_an_answer_of_which_something_is_lost_is_not_known_any_more(kept, monkeypatch):
    monkeypatch.setattr(streams, "MAX_EVENTS", 2)
    stream = kept.begin("s", Pipe())
    for number in range(4):
        kept.send(stream, b"%d" % number)

    known = [kept.knows("s", stream.name_event(number)) for number in range(5)]
    assert known == [False, True, True, True, False]


async def test_a_message_that_would_leave_room_for_no_other_is_not_kept(kept, monkeypatch):
    monkeypatch.setattr(streams, "MAX_BYTES", 10)
    stream, other = kept.begin("s", Pipe()), kept.begin("s", Pipe())
    kept.send(other, b"small")
    kept.prime(stream)
    kept.end(stream, b"x" * 11)

    assert [message for _, message in other.events] == [b"small"]
    assert kept.knows("s", f"{other.id}-0")
    assert not kept.knows("s", f"{stream.id}-0")


async def test_past_the_bound_of_all_a_session_loses_its_answers_last(clock):
    kept = Streams(clock=clock, max_total_bytes=20)
    quiet = kept.begin("a", Pipe())
    kept.send(quiet, b"progress")
    kept.end(quiet, b"answer")
    busy = kept.begin("b", Pipe())
    kept.send(busy, b"12345678")
    assert [message for _, message in quiet.events] == [b"answer"]
    kept.send(busy, b"12345678")
    kept.close()

    assert not quiet.events
    assert not kept.knows("a", f"{quiet.id}-0")
    assert len(busy.events) == 2


async def test_past_the_bound_of_all_the_quietest_session_loses_what_was_kept(clock):
    kept = Streams(clock=clock, max_total_bytes=10)
    pipes = {key: Pipe() for key in "abc"}
    made = {key: kept.begin(key, pipe) for key, pipe in pipes.items()}
    for key in "abc":
        kept.prime(made[key])
        kept.send(made[key], key.encode() * 4)
    kept.close()

    assert [len(made[key].events) for key in "abc"] == [0, 1, 1]
    assert pipes["a"].messages == [b"", b"aaaa"]


async def test_what_nobody_comes_back_for_is_dropped_in_time(kept, clock):
    gone, there, lost = Pipe(), Pipe(), Pipe()
    forgotten = []
    left = kept.stand("s", gone)
    left.forget = lambda: forgotten.append("s")
    kept.begin("t", there)
    kept.begin("u", lost)
    kept.leave(left, gone)
    lost.is_gone = True
    kept.sweep()
    clock.now += KEEP_S - 1
    kept.sweep()
    assert forgotten == []
    clock.now += 1
    kept.sweep()

    assert forgotten == ["s"]
    assert lost.is_finished is False
    assert kept.drop_session("u") is None
    assert not there.is_finished


async def test_the_sweep_comes_by_itself_while_there_is_something(clock, monkeypatch):
    monkeypatch.setattr(streams, "SWEEP_EVERY_S", 0.01)
    kept = Streams(clock=clock)
    pipe = Pipe()
    stream = kept.begin("s", pipe)
    swept = asyncio.Event()
    stream.forget = swept.set
    kept.leave(stream, pipe)
    clock.now += KEEP_S

    async with asyncio.timeout(5):
        await swept.wait()
    kept.close()
