"""Whatever comes, the engine answers it: no exception, no 5xx, and one answer to each request."""

import asyncio

import pytest
from engine_double import LEGACY, MODERN, VERSION_KEY, Bench, Pipe, initialize, told
from hypothesis import given
from hypothesis import strategies as st
from message_cases import (
    JSON,
    MANY,
    OFFER,
    assert_answered,
    cases,
    change,
    encode,
    messages,
    mirror,
)

ANSWER_S = 5


def outcome(reply):
    """Give what an answer comes to, on whatever transport."""
    if reply.body is None:
        return None
    answer = told(reply)
    if isinstance(answer, list):
        return [one.get("error", {}).get("code") for one in answer]
    return answer.get("error", {}).get("code"), answer.get("id")


@pytest.fixture(scope="module")
def bench():
    return Bench(OFFER)


@pytest.fixture(scope="module")
def run():
    """Run a coroutine, all of them in one loop, and none of them for long."""
    with asyncio.Runner() as runner:

        async def bounded(coroutine):
            async with asyncio.timeout(ANSWER_S):
                return await coroutine

        yield lambda coroutine: runner.run(bounded(coroutine))


@pytest.mark.requirement("base-every-request", "t16-malformed")
@MANY
@given(case=cases(), is_open=st.booleans())
def test_any_message_of_any_revision_gets_its_one_answer(run, bench, case, is_open):
    revision, body, changes = case

    async def answer():
        if revision == MODERN:
            own = mirror(body)
        else:
            own = list((await bench.open(revision)).items()) if is_open else []
        return await bench.send(encode(body), headers=change(own, changes))

    assert_answered(body, run(answer()))


def names_revision(message):
    """Tell whether a message says by itself that it is a modern one; over HTTP, a header does."""
    try:
        return message["params"]["_meta"][VERSION_KEY] == MODERN
    except (LookupError, TypeError):
        return False


def can_wait(body):
    """Tell whether one of these is answered only when somebody does something."""
    each = body if isinstance(body, list) else [body]
    return any(
        isinstance(one, dict)
        and (
            one.get("method") == "subscriptions/listen"
            # A question goes out where there is a way to the client.
            or (isinstance(one.get("params"), dict) and one["params"].get("name") == "confirm")
        )
        for one in each
    )


@pytest.mark.requirement("base-every-request")
@MANY
@given(case=cases())
def test_a_line_fails_as_a_post_does(run, bench, case):
    revision, body, _ = case

    async def answer():
        pipe = Pipe(bench)
        if revision == MODERN:
            own = mirror(body)
        else:
            await pipe.send(initialize(revision))
            own = await bench.open(revision)
        return await pipe.send(body), await bench.send(encode(body), headers=own)

    if can_wait(body):
        return
    by_line, by_post = run(answer())

    assert_answered(body, by_line)
    # A line has no headers that could differ.
    if (revision != MODERN or names_revision(body)) and b"-32020" not in (by_post.body or b""):
        assert outcome(by_line) == outcome(by_post)


@pytest.mark.requirement("base-every-request", "t16-malformed")
@MANY
@given(raw=st.binary(max_size=200) | JSON.map(encode), revision=st.none() | st.sampled_from(LEGACY))
def test_any_bytes_get_an_answer(run, bench, raw, revision):
    async def answer():
        return await bench.send(raw, headers=await bench.open(revision) if revision else {})

    reply = run(answer())

    assert reply.status in {202, 400, 404, 200}


@pytest.mark.requirement("batch-receive")
@MANY
@given(batch=st.lists(messages("2025-03-26"), min_size=1, max_size=6))
def test_every_request_of_a_batch_gets_its_answer(run, bench, batch):
    async def answer():
        return await bench.send(encode(batch), headers=await bench.open("2025-03-26"))

    assert_answered(batch, run(answer()))
