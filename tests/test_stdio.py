import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from engine_double import LEGACY, MODERN, Bench, caller, initialize, modern
from offer_double import OFFER
from structlog.testing import capture_logs

from atoms_mcp.identity.errors import Unauthenticated
from atoms_mcp.stdio import MAX_AT_ONCE, MAX_WAITING, serve

WAIT_S = 5
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}


class Client:
    """One client at the other end: `send` lines, `read` answers, `close` to end."""

    def __init__(self, bench, who="ada", **limits):
        self.chunks = asyncio.Queue()
        self.written = asyncio.Queue()
        self.who = who
        self.asked = 0
        self.serving = asyncio.ensure_future(
            serve(bench.engine, self._read_chunks(), self._write, self._find_caller, **limits)
        )

    async def _read_chunks(self):
        while (chunk := await self.chunks.get()) is not None:
            yield chunk

    async def _write(self, line):
        self.written.put_nowait(line)

    async def _find_caller(self):
        self.asked += 1
        if self.who is None:
            raise Unauthenticated
        return caller(self.who)

    def send(self, *messages):
        self.chunks.put_nowait(
            b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        )

    async def read(self):
        async with asyncio.timeout(WAIT_S):
            line = await self.written.get()
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        return json.loads(line)

    async def close(self):
        self.chunks.put_nowait(None)
        async with asyncio.timeout(WAIT_S):
            await self.serving
        return [json.loads(self.written.get_nowait()) for _ in range(self.written.qsize())]


@pytest.fixture
def bench():
    return Bench()


def call(name, call_id=1, **arguments):
    return modern("tools/call", {"name": name, "arguments": arguments}, call_id=call_id)[0]


def legacy(method, call_id=1, **params):
    return {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}


@pytest.mark.requirement("stdio-lines")
async def test_a_modern_request_is_answered_on_one_line(bench):
    client = Client(bench)
    client.send(call("whoami", "a7"))

    answer = await client.read()
    assert (answer["id"], answer["result"]["structuredContent"]) == ("a7", {"user": "id-ada"})
    assert await client.close() == []


@pytest.mark.requirement("disc-method", "stdio-probe")
async def test_the_probe_is_answered_at_once_and_without_a_login(bench):
    client = Client(bench, who=None)
    client.send(modern("server/discover")[0])

    assert MODERN in (await client.read())["result"]["supportedVersions"]
    assert client.asked == 0
    await client.close()


@pytest.mark.parametrize("revision", LEGACY)
async def test_a_handshake_holds_for_the_lines_after_it(bench, revision):
    client = Client(bench)
    client.send(initialize(revision), NOTE, legacy("ping", 1), legacy("tools/list", 2))

    answers = {answer["id"]: answer for answer in await client.close()}
    assert answers[0]["result"]["protocolVersion"] == revision
    assert answers[1]["result"] == {}
    assert answers[2]["result"]["tools"]
    assert len(answers) == 3


@pytest.mark.requirement("life-first")
async def test_a_request_before_the_handshake_is_told_to_make_one(bench):
    client = Client(bench)
    client.send(legacy("tools/list"))

    error = (await client.read())["error"]
    assert error["code"] == -32600
    assert "initialize" in error["message"]
    await client.close()


@pytest.mark.requirement("base-stateless")
async def test_both_eras_may_take_turns(bench):
    client = Client(bench)
    client.send(
        call("whoami", 1), initialize("2025-06-18", 2), call("whoami", 3), legacy("ping", 4)
    )

    assert {answer["id"] for answer in await client.close()} == {1, 2, 3, 4}


async def test_a_fast_request_does_not_wait_for_a_slow_one(bench):
    client = Client(bench)
    client.send(call("wait", 1), call("whoami", 2))

    assert (await client.read())["id"] == 2
    bench.tools.go.set()
    assert (await client.read())["id"] == 1
    await client.close()


@pytest.mark.requirement("canc-stop", "stdio-cancel")
async def test_a_cancelled_request_gets_no_answer(bench):
    client = Client(bench)
    client.send(call("wait", 1))
    async with asyncio.timeout(WAIT_S):
        await bench.tools.entered.wait()
    client.send(
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        call("whoami", 2),
    )

    assert [answer["id"] for answer in await client.close()] == [2]
    assert bench.tools.cancelled.is_set()


async def test_the_caller_is_asked_for_every_call(bench):
    client = Client(bench)
    for who in ("ada", "bob"):
        client.who = who
        client.send(call("whoami"))
        answer = await client.read()
        assert answer["result"]["structuredContent"] == {"user": f"id-{who}"}
    assert client.asked == 2
    await client.close()


async def test_a_missing_login_is_a_result_that_says_how_to_get_one(bench):
    client = Client(bench, who=None)
    client.send(call("whoami"))

    result = (await client.read())["result"]
    assert result["isError"] is True
    assert "atoms-mcp login" in result["content"][0]["text"]
    await client.close()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{\n", -32700),
        (b"\xff\n", -32700),
        (b"5\n", -32600),
        (b"[]\n", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', -32600),
        (b"[" * 70 + b"]" * 70 + b"\n", -32600),
    ],
)
async def test_a_bad_line_is_told_and_the_next_is_read(bench, line, expected):
    client = Client(bench)
    client.chunks.put_nowait(line)
    refused = await client.read()
    client.send(call("whoami", 2))

    assert (refused["id"], refused["error"]["code"]) == (None, expected)
    assert (await client.read())["id"] == 2
    await client.close()


async def test_a_line_that_is_too_long_is_told_and_not_kept(bench):
    client = Client(bench, max_line_bytes=500)
    for _ in range(10):
        client.chunks.put_nowait(b"x" * 400)
    client.chunks.put_nowait(b"\n")
    client.send(call("whoami", 2))

    first, second = await client.read(), await client.read()
    assert (first["id"], first["error"]["code"]) == (None, -32600)
    assert second["id"] == 2
    await client.close()


async def test_a_last_line_without_its_end_is_read(bench):
    client = Client(bench)
    client.chunks.put_nowait(json.dumps(call("whoami", 9)).encode())

    assert [answer["id"] for answer in await client.close()] == [9]


async def test_what_is_at_work_when_the_input_ends_is_finished(bench):
    client = Client(bench)
    client.send(*(call("say", number, text="x") for number in range(250)))

    assert {answer["id"] for answer in await client.close()} == set(range(250))


async def test_being_stopped_stops_what_is_at_work(bench):
    client = Client(bench)
    client.send(call("wait"))
    async with asyncio.timeout(WAIT_S):
        await bench.tools.entered.wait()
        client.serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.serving

    assert bench.tools.cancelled.is_set()
    assert client.written.empty()


async def test_a_fault_of_ours_is_an_answer_and_ends_nothing(bench, monkeypatch):
    answer, faults = bench.engine.answer, [RuntimeError("an internal detail")] * 4

    async def fail_first(line, frame):
        if faults:
            raise faults.pop()
        return await answer(line, frame)

    monkeypatch.setattr(bench.engine, "answer", fail_first)
    client = Client(bench)
    with capture_logs() as logged:
        client.send(call("whoami", 1), {"jsonrpc": "2.0", "method": "notifications/cancelled"})
        client.send({"jsonrpc": "2.0", "id": 7, "result": {}}, {"x": 1}, call("whoami", 2))
        answers = await client.close()

    by_id = {answer["id"]: answer for answer in answers}
    assert by_id.keys() == {1, 2}
    assert by_id[1]["error"] == {"code": -32603, "message": "internal error"}
    assert "result" in by_id[2]
    assert [line["event"] for line in logged] == ["line.failed"] * 4


async def until(look):
    async with asyncio.timeout(WAIT_S):
        while not look():  # noqa: ASYNC110 - nobody tells when it is so
            await asyncio.sleep(0.001)


def notice(method, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params}


@pytest.mark.requirement("stdio-exit")
async def test_once_the_input_has_ended_no_call_waits_for_an_answer():
    client = Client(Bench(OFFER))
    client.send(initialize("2025-11-25", capabilities={"elicitation": {}}))
    await client.read()
    client.send(legacy("tools/call", 1, name="confirm", arguments={}))
    assert (await client.read())["method"] == "elicitation/create"
    [answer] = await client.close()

    assert (answer["id"], answer["result"]["isError"]) == (1, True)


async def test_answers_are_taken_however_many_calls_wait_for_them():
    client = Client(Bench(OFFER))
    client.send(initialize("2025-11-25", capabilities={"elicitation": {}}))
    await client.read()
    many = MAX_AT_ONCE + 20
    client.send(*(legacy("tools/call", n, name="confirm", arguments={}) for n in range(many)))
    answered = set()
    while len(answered) < many:
        said = await client.read()
        if "method" in said:
            client.send({"jsonrpc": "2.0", "id": said["id"], "result": {"action": "decline"}})
        else:
            answered.add(said["id"])

    assert answered == set(range(many))
    assert await client.close() == []


@pytest.mark.requirement("canc-stop", "stdio-cancel")
async def test_what_waits_for_its_turn_is_cancelled_as_what_is_at_work(bench):
    client = Client(bench)
    client.send(*(call("wait", n) for n in range(MAX_AT_ONCE)))
    client.send(call("whoami", "1"), call("whoami", 1000), call("whoami", 2000), {"x": 1})
    client.send(*(notice("notifications/cancelled", requestId=n) for n in (0, 1, 1000, 3000)))
    client.chunks.put_nowait(b"x" * 2_000_000 + b"\n")
    await until(lambda: bench.tools.stopped == 2)
    bench.tools.go.set()
    ids = [answer["id"] for answer in await client.close()]

    assert sorted(ids, key=str) == sorted([*range(2, MAX_AT_ONCE), "1", 2000, None, None], key=str)


async def test_no_more_is_read_than_can_be_kept_waiting(bench):
    client = Client(bench)
    for number in range(MAX_AT_ONCE + MAX_WAITING + 10):
        client.send(call("wait", number))
    await until(lambda: client.chunks.qsize() == 9)
    for _ in range(20):
        await asyncio.sleep(0)
    assert client.chunks.qsize() == 9
    bench.tools.go.set()

    assert len(await client.close()) == MAX_AT_ONCE + MAX_WAITING + 10


# As a process, on real pipes and files.

PROGRAM = textwrap.dedent(
    """
    import asyncio, sys
    sys.path[:0] = ["tests/doubles"]
    from engine_double import Bench, caller
    from atoms_mcp.stdio import run

    async def main():
        async def find_caller():
            print("a stray word")
            print("another", flush=True)
            return caller("ada")
        await run(Bench().engine, find_caller)
        print("ended", file=sys.stderr)

    asyncio.run(main())
    """
)
ROOT = Path(__file__).parent.parent


def start(**streams):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(  # noqa: S603 - a program of ours
        [sys.executable, "-c", PROGRAM], cwd=ROOT, **{**pipes, **streams}
    )


def lines(*messages):
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


@pytest.mark.requirement("stdio-stdout", "stdio-exit")
def test_stdout_carries_mcp_alone_and_the_process_ends_with_its_input():
    with start() as process:
        out, err = process.communicate(
            lines(call("whoami", 1), call("say", 2, text="x" * 200_000)), 30
        )

    assert process.returncode == 0
    assert {json.loads(line)["id"] for line in out.splitlines()} == {1, 2}
    assert b"a stray word" in err
    assert b"ended" in err


def test_files_will_do_for_pipes(tmp_path):
    asked, told = tmp_path / "asked", tmp_path / "told"
    asked.write_bytes(lines(call("whoami", 1)))
    with (
        asked.open("rb") as source,
        told.open("wb") as sink,
        start(stdin=source, stdout=sink) as process,
    ):
        _, err = process.communicate(timeout=30)

    assert b"ended" in err
    assert json.loads(told.read_bytes())["id"] == 1


@pytest.mark.requirement("stdio-exit")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_also_with_work_open(number):
    with start() as process:
        process.stdin.write(lines(call("wait", 1), modern("server/discover", call_id=2)[0]))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 2
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stdout.read() == b""
        assert b"ended" in process.stderr.read()


def test_a_client_that_closes_its_end_ends_it():
    with start() as process:
        process.stdout.close()
        process.stdin.write(lines(modern("server/discover")[0]))
        process.stdin.flush()
        assert process.wait(30) == 0
        assert b"Traceback" not in process.stderr.read()


def test_a_client_that_reads_nothing_does_not_keep_it_from_ending():
    read_end, write_end = os.pipe()
    with start(stdout=write_end) as process:
        os.close(write_end)
        process.stdin.write(lines(*(modern("tools/list", call_id=n)[0] for n in range(200))))
        process.stdin.flush()
        os.read(read_end, 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    os.close(read_end)
