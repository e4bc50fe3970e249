import asyncio
import io
import json
import logging

import pytest
import structlog
from aiohttp.http_exceptions import BadStatusLine
from hypothesis import given
from hypothesis import strategies as st

from atoms_mcp import logs

TELLING_NAMES = [
    *("password", "token", "access_token", "Refresh-Token", "client_secret", "Authorization"),
    *("apikey", "api_key", "auth_token", "AUTH_TOKEN", "anon_key", "cookie", "code_verifier"),
]
JWT = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl-_X"


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def write(form="json", level="info", stream=None, event="thing.happened", **facts):
    stream = stream or io.StringIO()
    logs.configure(form, level, stream)
    logs.get().info(event, **facts)
    return stream.getvalue()


def read(**facts):
    return json.loads(write(**facts))


def test_a_line_is_one_json_object():
    line = write(status=200, ms=1.5, tool=None, ok=True)

    assert line.endswith("}\n")
    assert line.count("\n") == 1
    told = json.loads(line)
    assert told["event"] == "thing.happened"
    assert told["level"] == "info"
    assert told["timestamp"].endswith("+00:00")
    assert (told["status"], told["ms"], told["tool"], told["ok"]) == (200, 1.5, None, True)


def test_a_terminal_gets_it_pretty_and_a_pipe_as_json():
    pretty = write("auto", stream=Terminal(), status=200)

    assert not pretty.startswith("{")
    assert "thing.happened" in pretty
    assert write("auto").startswith("{")
    assert not write("pretty").startswith("{")


def test_lines_below_the_level_are_not_made():
    class Loud:
        def __repr__(self):
            raise AssertionError("was rendered")

    stream = io.StringIO()
    logs.configure("json", "warning", stream)
    logs.get().info("x", loud=Loud())
    logs.get().debug("x", loud=Loud())

    assert stream.getvalue() == ""


def test_what_was_bound_is_on_every_line():
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    logs.REQUEST_ID.set("r1")
    structlog.contextvars.bind_contextvars(tool="t")
    logs.get(part="web").warning("upstream.slow")

    told = json.loads(stream.getvalue())
    assert (told["request_id"], told["part"], told["tool"]) == ("r1", "web", "t")
    logs.REQUEST_ID.set(None)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "token",
        "access_token",
        "Refresh-Token",
        "client_secret",
        "Authorization",
        "apikey",
        "api_key",
        "auth_token",
        "AUTH_TOKEN",
        "anon_key",
        "cookie",
        "code_verifier",
    ],
)
def test_values_under_telling_names_are_cut_out(name):
    assert read(**{name: "hunter2"})[name] == "[redacted]"
    assert read(**{name: 1234})[name] == "[redacted]"
    assert read(**{name: None})[name] is None
    assert "hunter2" not in write(arguments={"deep": [{name: "hunter2"}]})
    assert "hunter2" not in write(arguments={name: ["hunter2"]})


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        "eyJhbGciOiJkaXIifQ..AAAAAAAA.BBBBBBBB.CCCCCCCC",
        "Bearer abc.def-123",
        "bearer abcdef",
        "BEARER: abcdef",
        "Basic dXNlcjpwYXNz",
        "sb_secret_abc-123_x",
        "sb_publishable_abc",
        "postgres://ada:hunter2@db.example/x",
    ],
)
@pytest.mark.parametrize("around", ["{}", "path/{}/x", "a '{}' b", 'x="{}"', "é{}"])
@pytest.mark.parametrize("where", ["event", "text", "list", "deep", "key", "object", "error"])
def test_what_looks_like_a_secret_is_cut_out_wherever_it_is(secret, around, where):
    text = around.format(secret)
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    log = logs.get()
    if where == "event":
        log.info(text)
    elif where == "error":
        log.error("request.failed", exc_info=LookupError(text))
    else:
        values = {
            "text": text,
            "list": [text],
            "deep": {"a": ({"b": text},)},
            "key": {text: 1},
            "object": LookupError(text),
        }
        log.info("x", value=values[where])

    line = stream.getvalue()
    needle = secret.split("hunter2")[0][-4:] + "hunter2" if "hunter2" in secret else secret
    needle = needle.removeprefix("postgres://")
    assert needle not in line
    assert "[redacted]" in line
    json.loads(line)


def test_secrets_in_lines_of_other_libraries_are_cut_out():
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    logging.getLogger("aiohttp.server").warning("Error handling %s", f"Bearer {JWT}\nforged")
    logging.getLogger("aiohttp.client").info("not told")

    told = json.loads(stream.getvalue())
    assert told["logger"] == "aiohttp.server"
    assert JWT not in stream.getvalue()
    assert told["event"] == "Error handling [redacted]\\nforged"


def test_errors_of_other_libraries_come_with_their_cause():
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    logging.getLogger("asyncio").error("failed", exc_info=LookupError("the cause"))

    assert "the cause" in json.loads(stream.getvalue())["exception"]


def test_requests_that_are_no_http_cost_no_line():
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    fault = BadStatusLine("garbage")
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=fault)

    assert stream.getvalue() == ""


@pytest.mark.parametrize("form", ["json", "pretty"])
@pytest.mark.parametrize(
    "evil",
    ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\x00b", "a\u2028b", "a\x85b", "\ud800", "a\u202eb"],
)
def test_no_value_can_forge_a_line(form, evil):
    line = write(form, path=evil, event=evil, more={evil: evil}, items=[evil])

    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()


def test_a_traceback_on_a_terminal_is_set_in():
    stream = io.StringIO()
    logs.configure("pretty", "info", stream)
    evil = LookupError("a\n2026-01-01 [info] request.done user_id=forged\x1b[2J")
    logs.get().error("request.failed", exc_info=evil)

    first, *rest = stream.getvalue().splitlines()
    assert "request.failed" in first
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in stream.getvalue()


def test_a_value_cannot_flood_the_log():
    assert len(write(path="x" * 100_000)) < 3000
    deep = current = {}
    for _ in range(1000):
        current["a"] = current = {}
    assert len(write(value=deep)) < 3000
    assert len(write(value=list(range(100_000)))) < 3000


def test_values_that_json_does_not_know_are_told_as_text():
    assert read(value=LookupError("x"))["value"] == "LookupError('x')"
    assert read(value=b"x")["value"] == "b'x'"
    assert read(value={1, 2})["value"] == [1, 2]
    assert read(value=10**30)["value"] == str(10**30)


VALUES = st.text(max_size=30) | st.integers() | st.none() | st.floats(allow_nan=False)


@given(st.dictionaries(st.text(max_size=9), VALUES | st.lists(VALUES, max_size=3), max_size=4))
def test_any_facts_make_one_line_of_json(facts):
    event = dict(facts)
    logs.redact(event)
    line = logs.render_json(event)
    assert "\n" not in line
    json.loads(line)


def test_a_line_that_names_its_request_keeps_that_name():
    assert read(request_id="mine")["request_id"] == "mine"


async def test_lines_of_a_running_loop_are_written_together_and_soon():
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    logs.get().info("one.thing")
    logs.get().info("other.thing")
    assert stream.getvalue() == ""

    async with asyncio.timeout(5):
        while not stream.getvalue():  # noqa: ASYNC110 - a stream tells nobody
            await asyncio.sleep(logs.GATHER_S)

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "one.thing",
        "other.thing",
    ]


def test_lines_that_a_loop_left_behind_are_written_with_the_next():
    stream = io.StringIO()
    logs.configure("json", "info", stream)

    async def leave_one():
        logs.get().info("left.behind")

    asyncio.run(leave_one())
    logs.get().info("next.one")

    assert "left.behind" in stream.getvalue()
    assert "next.one" in stream.getvalue()


def test_a_stream_that_is_gone_ends_nothing():
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    stream.close()

    logs.get().info("nobody.reads")


def test_canonical_lines_are_written_with_what_was_cleaned_for_them():
    stream = io.StringIO()
    logs.configure("json", "info", stream)

    logs.request_writer()("info", {"request_id": "r1", "path": logs.clean(f"/x?{JWT}")})

    told = json.loads(stream.getvalue())
    assert told["event"] == logs.REQUEST_DONE
    assert told["request_id"] == "r1"
    assert told["path"] == "/x?[redacted]"


def test_canonical_lines_below_the_level_are_not_written():
    stream = io.StringIO()
    logs.configure("json", "error", stream)
    write_line = logs.request_writer()

    write_line("info", {"request_id": "r1"})
    assert stream.getvalue() == ""

    write_line("error", {"request_id": "r2", "exc_info": LookupError(f"with {JWT}")})
    assert "r2" in stream.getvalue()
    assert JWT not in stream.getvalue()


def test_a_long_path_is_cut_and_cleaned():
    assert len(logs.clean("/" + "x" * 10_000)) < 2100
    assert JWT not in logs.clean("/" + "x" * 100 + JWT)
