"""Sessions over real HTTP, walked at random: nothing is lost, doubled, or somebody else's.

ATOMS_FUZZ_CASES is how many walks are taken; by default they are few.
"""

import asyncio
import os

import aiohttp
import orjson
import pytest
from engine_double import LEGACY, initialize, modern
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    precondition,
    rule,
    run_state_machine_as_test,
)
from raw_http import serving_raw
from supabase_double import Clock, running_double
from web_double import WebDouble

from atoms_mcp.engine.listening.change import Change
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.resource import Resource
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.protocol import content
from atoms_mcp.web import keys

WALKS = max(1, int(os.environ.get("ATOMS_FUZZ_CASES", "200")) // 20)
STEPS = 30
DEADLINE_S = 5
NOTE = "test://note"
ACCEPT = "application/json, text/event-stream"
POLLING = "2025-11-25"
CAN = {"elicitation": {}}
USERS = {
    "ada": "6b1f8f5e-1111-4222-8333-444455556666",
    "bob": "6b1f8f5e-1111-4222-8333-444455557777",
}


async def read_note(_context):
    return [content.text_contents(NOTE, "hello")]


async def count(context, arguments):
    """Count aloud."""
    for done in range(1, arguments["to"] + 1):
        await context.progress(done)
    return {"counted": arguments["to"], "by": context.caller.user_id}


READS = {"readOnlyHint": True}


async def confirm(context, _arguments):
    """Ask, and say what was answered."""
    answer = await context.elicit("sure", "Sure?", {"type": "object", "properties": {}})
    return {"action": answer.action}


CONFIRM = Tool("confirm", "Asks.", confirm, {"type": "object"}, annotations=READS)
COUNT = Tool("count", "Counts.", count, {"type": "object"}, annotations=READS)
RESOURCES = (Resource(NOTE, "note", read_note),)


class World:
    """A server as it runs in production, two users, and the one loop of it all."""

    def __init__(self, runner):
        self._runner = runner
        self.gate = asyncio.Event()

    async def pause(self, context, arguments):
        """Count aloud, and wait at the gate on the way."""
        for done in range(1, arguments["to"] + 1):
            await context.progress(done, done)
            if done == arguments["until"]:
                await self.gate.wait()
        return {"counted": arguments["to"]}

    def run(self, coroutine):
        async def bounded():
            async with asyncio.timeout(DEADLINE_S):
                return await coroutine

        return self._runner.run(bounded())

    async def start(self):
        self._supabase = running_double()
        supabase = await self._supabase.__aenter__()
        pause = Tool("pause", "Waits.", self.pause, {"type": "object"}, annotations=READS)
        offer = Offer(tools=(COUNT, CONFIRM, pause), resources=RESOURCES)
        double = WebDouble(supabase, Clock(), offer=offer, ATOMS_FASTMCP_AUTH_MODE="jwt")
        self.engine = double.app[keys.ENGINE]
        self._serving = serving_raw(double)
        await self._serving.__aenter__()
        self.url = f"{double.url}/api/mcp"
        self.tokens = {who: supabase.token(sub=user_id) for who, user_id in USERS.items()}
        self.client = aiohttp.ClientSession()
        # Who hears of each change: two that come while nobody looks may be told as one.
        self.witness = Ear()
        _, session_id, _ = await self.post("ada", initialize(POLLING))
        headers = {"Mcp-Session-Id": session_id, "MCP-Protocol-Version": POLLING}
        wanted = {"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe"}
        await self.post("ada", {**wanted, "params": {"uri": NOTE}}, headers)
        await self.witness.listen(
            self, {**headers, "Authorization": f"Bearer {self.tokens['ada']}"}
        )

    async def change_the_note(self):
        heard = len(self.witness.messages)
        await self.engine.listening.publish(Change("resource", NOTE))
        await self.witness.wait_for(heard + 1)

    async def break_off(self, headers, message, until):
        """Send a request, hear so many messages of its answer, and hang up; give the events."""
        self.gate.clear()
        sent = {**headers, "Accept": ACCEPT, "Content-Type": "application/json"}
        async with self.client.post(self.url, data=orjson.dumps(message), headers=sent) as answer:
            assert answer.content_type == "text/event-stream"
            events = []
            async for event in hear(answer):
                events.append(event)
                if sum(message is not None for _, message in events) == until:
                    break
            answer.close()
        self.gate.set()
        return events

    async def come_back(self, headers, last_event_id):
        """Hear the rest of an answer, to its end."""
        sent = {**headers, "Accept": "text/event-stream", "Last-Event-ID": last_event_id}
        async with self.client.get(self.url, headers=sent) as answer:
            assert answer.status == 200
            return [event async for event in hear(answer)]

    async def stop(self):
        await self.witness.hang_up()
        await self.client.close()
        await self.engine.close()
        await self._serving.__aexit__(None, None, None)
        await self._supabase.__aexit__(None, None, None)

    async def post(self, who, message, headers=()):
        """Send one message; give status, the session id, and all messages that came back."""
        sent = {
            "Authorization": f"Bearer {self.tokens[who]}",
            "Accept": ACCEPT,
            "Content-Type": "application/json",
            **dict(headers),
        }
        async with self.client.post(self.url, data=orjson.dumps(message), headers=sent) as answer:
            raw = await answer.read()
            if answer.content_type == "text/event-stream":
                told = [message for _, message in read_events(raw) if message]
            else:
                told = [orjson.loads(raw)] if raw else []
            return answer.status, answer.headers.get("Mcp-Session-Id"), told


def read_events(raw):
    """Give the events of a stream, each as (id, message or None)."""
    for block in raw.decode().split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.split("\n") if line[:1] != ":")
        if "data" in fields or "id" in fields:
            data = fields.get("data", "")
            yield fields.get("id"), orjson.loads(data) if data else None


async def hear(answer):
    """Give the events of an answer as they come."""
    raw = b""
    async for part in answer.content.iter_any():
        raw += part
        *whole, raw = raw.split(b"\n\n")
        for block in whole:
            for event in read_events(block):
                yield event


class Ear:
    """What one client hears of its session, over however many connections."""

    def __init__(self):
        self.ids = []
        self.messages = []
        self.task = None
        self.news = asyncio.Event()

    async def listen(self, world, headers):
        """Connect, and go on hearing in a task of its own."""
        sent = {**headers, "Accept": "text/event-stream"}
        if self.ids:
            sent["Last-Event-ID"] = self.ids[-1]
        answer = await world.client.get(world.url, headers=sent)
        assert answer.status == 200
        self.task = asyncio.create_task(self._hear(answer))

    async def _hear(self, answer):
        try:
            async for event_id, message in hear(answer):
                self.ids += [event_id] if event_id else []
                self.messages += [message] if message else []
                self.news.set()
        except aiohttp.ClientError:
            pass
        finally:
            answer.close()
            self.news.set()

    async def hang_up(self):
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
            self.task = None

    async def wait_for(self, count):
        while len(self.messages) < count:
            self.news.clear()
            await self.news.wait()


class Known:
    """A session as its client knows it."""

    def __init__(self, who, revision, session_id):
        self.who = who
        self.revision = revision
        self.headers = {"Mcp-Session-Id": session_id, "MCP-Protocol-Version": revision}
        self.is_over = False
        self.is_subscribed = False
        self.is_standing = False
        self.owed = 0
        self.ear = Ear()


class Walk(RuleBasedStateMachine):
    """What clients do with their sessions, and with those of others."""

    sessions = Bundle("sessions")
    users = st.sampled_from(sorted(USERS))

    def __init__(self, world):
        super().__init__()
        self.world = world
        self.known = []
        self.number = 0

    def ask(self, session, who, method, **params):
        """Send a request in a session, and check that a stranger or the late get 404."""
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        status, _, told = self.world.run(self.world.post(who, message, session.headers))
        if session.is_over or who != session.who:
            assert status == 404
            assert told[-1]["error"]["code"] == -32600
            return None
        assert status == 200
        assert [one["id"] for one in told if "id" in one] == [self.number]
        return told

    @rule(target=sessions, who=users, revision=st.sampled_from(LEGACY))
    def open(self, who, revision):
        status, session_id, told = self.world.run(
            self.world.post(who, initialize(revision, capabilities=CAN))
        )
        assert (status, told[0]["result"]["protocolVersion"]) == (200, revision)
        session = Known(who, revision, session_id)
        self.known.append(session)
        return session

    @rule(target=sessions, who=users, revision=st.sampled_from(LEGACY))
    def open_to_listen(self, who, revision):
        session = self.open(who, revision)
        self.subscribe(session, who)
        self.listen(session)
        return session

    @rule(session=sessions, who=users)
    def ask_who_calls(self, session, who):
        told = self.ask(session, who, "tools/call", name="whoami", arguments={})
        if told is not None:
            assert USERS[who] in told[0]["result"]["content"][0]["text"]

    @rule(session=sessions, who=users, to=st.integers(1, 5))
    def count_aloud(self, session, who, to):
        meta = {"progressToken": f"t{self.number}"}
        told = self.ask(session, who, "tools/call", name="count", arguments={"to": to}, _meta=meta)
        if told is not None:
            heard = [one["params"] for one in told if "method" in one]
            assert {one["progressToken"] for one in heard} <= {meta["progressToken"]}
            done = [one["progress"] for one in heard]
            assert done == sorted(set(done))
            assert USERS[who] in told[-1]["result"]["content"][0]["text"]

    @rule(session=sessions, to=st.integers(1, 6), until=st.integers(1, 6), back=st.integers(0, 2))
    def break_off_and_come_back(self, session, to, until, back):
        """Lose the connection in the middle of an answer, and the last of what came over it."""
        if session.is_over:
            return
        self.number += 1
        call = {"name": "pause", "arguments": {"to": to, "until": min(until, to)}}
        message = {"jsonrpc": "2.0", "id": self.number, "method": "tools/call"}
        message["params"] = {**call, "_meta": {"progressToken": self.number}}
        headers = self.bearer(session, session.who)
        heard = self.world.run(self.world.break_off(headers, message, min(until, to)))
        heard = heard[: max(1, len(heard) - back)]
        last_id = heard[-1][0]

        heard += self.world.run(self.world.come_back(headers, last_id))

        places = [int(event_id.rpartition("-")[2]) for event_id, _ in heard]
        assert places == list(range(places[0], places[0] + len(heard)))
        told = [message for _, message in heard if message]
        assert [one["params"]["progress"] for one in told[:-1]] == list(range(1, to + 1))
        assert told[-1]["id"] == self.number
        assert told[-1]["result"]["content"]
        assert self.try_to_listen(session, self.find_stranger(session), [last_id])[0] == 404

    @rule(session=sessions, action=st.sampled_from(["accept", "decline", "cancel"]))
    def be_asked_and_break_off_and_come_back(self, session, action):
        if session.is_over:
            return
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": "tools/call"}
        message["params"] = {"name": "confirm", "arguments": {}}
        headers = self.bearer(session, session.who)
        heard = self.world.run(self.world.break_off(headers, message, 1))
        question = heard[-1][1]
        assert question["method"] == "elicitation/create"
        answer = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": action}}

        for who, expected in ((self.find_stranger(session), 404), (session.who, 202)):
            status, _, _ = self.world.run(self.world.post(who, answer, session.headers))
            assert status == expected
        rest = self.world.run(self.world.come_back(headers, heard[-1][0]))

        (told,) = (message for _, message in rest if message)
        assert told["id"] == self.number
        assert action in told["result"]["content"][0]["text"]

    @rule(who=users, to=st.integers(0, 3))
    def call_without_a_session(self, who, to):
        self.number += 1
        message, headers = modern(
            "tools/call", {"name": "count", "arguments": {"to": to}}, call_id=self.number
        )
        status, session_id, told = self.world.run(self.world.post(who, message, headers))
        assert (status, session_id, told[-1]["id"]) == (200, None, self.number)
        assert told[-1]["result"]["structuredContent"] == {"counted": to, "by": USERS[who]}

    @rule(session=sessions, who=users, method=st.sampled_from(["initialized", "cancelled", "x"]))
    def notify(self, session, who, method):
        notice = {"jsonrpc": "2.0", "method": f"notifications/{method}"}
        notice["params"] = {"requestId": self.number}
        status, _, told = self.world.run(self.world.post(who, notice, session.headers))
        is_refused = session.is_over or who != session.who
        assert status == (404 if is_refused else 202)
        assert bool(told) == is_refused

    @rule(session=sessions, who=users)
    def subscribe(self, session, who):
        if self.ask(session, who, "resources/subscribe", uri=NOTE) is not None:
            session.is_subscribed = True

    @rule(session=sessions, who=users)
    def unsubscribe(self, session, who):
        if self.ask(session, who, "resources/unsubscribe", uri=NOTE) is not None:
            session.is_subscribed = False

    def find_stranger(self, session):
        return next(who for who in USERS if who != session.who)

    def bearer(self, session, who):
        return {**session.headers, "Authorization": f"Bearer {self.world.tokens[who]}"}

    @rule(session=sessions)
    def listen(self, session):
        """Stand, or come back with the last id; a second connection takes over from the first."""
        # What was missed can be asked for only by who has heard an id.
        if session.is_over or (session.is_standing and not session.ear.ids):
            return
        old = session.ear.task
        self.world.run(session.ear.listen(self.world, self.bearer(session, session.who)))
        session.is_standing = True
        if old is not None:
            self.world.run(asyncio.wait([old]))
        self.hear_all()

    @rule(session=sessions)
    def hang_up(self, session):
        self.world.run(session.ear.hang_up())

    def try_to_listen(self, session, who, after):
        """Come back after what another has heard; give the status, and what came at once."""
        headers = {**self.bearer(session, who), "Accept": "text/event-stream"}
        if after:
            headers["Last-Event-ID"] = after[-1]

        async def get():
            async with self.world.client.get(self.world.url, headers=headers) as answer:
                # What is kept for who comes back is sent at once, before this is answered.
                await self.world.post("ada", {"jsonrpc": "2.0", "method": "x"}, session.headers)
                return answer.status, answer.content.read_nowait()

        return self.world.run(get())

    @rule(session=sessions, who=users)
    def listen_to_what_is_not_ones_own(self, session, who):
        if session.is_over or who != session.who:
            assert self.try_to_listen(session, who, session.ear.ids)[0] == 404

    @rule(other=sessions, who=users)
    def come_back_to_the_stream_of_another_session(self, other, who):
        own = self.open(who, POLLING)
        _, heard = self.try_to_listen(own, who, other.ear.ids)
        assert b"updated" not in heard

    @rule()
    @precondition(lambda self: any(session.is_standing for session in self.known))
    def change_the_note(self):
        self.world.run(self.world.change_the_note())
        for session in self.known:
            if session.is_subscribed and session.is_standing and not session.is_over:
                session.owed += 1
        self.hear_all()

    def hear_all(self):
        """Wait until everybody who is connected has heard what they are owed, and no more."""
        for session in self.known:
            if session.ear.task is not None and not session.is_over:
                self.world.run(session.ear.wait_for(session.owed))
            assert len(session.ear.messages) <= session.owed
            assert len(set(session.ear.ids)) == len(session.ear.ids)
            for message in session.ear.messages:
                assert message["method"] == "notifications/resources/updated"
                assert message["params"]["uri"] == NOTE

    def send_delete(self, session, who):
        async def delete():
            headers = self.bearer(session, who)
            async with self.world.client.delete(self.world.url, headers=headers) as answer:
                return answer.status

        return self.world.run(delete())

    @rule(session=sessions, who=users)
    def end_what_is_not_ones_own(self, session, who):
        if session.is_over or who != session.who:
            assert self.send_delete(session, who) == 404

    @rule(session=consumes(sessions))
    def end(self, session):
        if not session.is_over:
            assert self.send_delete(session, session.who) == 204
            session.is_over = True
            if session.ear.task is not None:
                self.world.run(asyncio.wait([session.ear.task]))
                session.ear.task = None
        assert self.send_delete(session, session.who) == 404

    @rule(session=sessions, who=users, at=st.integers(0, 200), letter=st.sampled_from("aZ0_"))
    def forge(self, session, who, at, letter):
        told = session.headers["Mcp-Session-Id"]
        forged = told[: at % len(told)] + letter + told[at % len(told) + 1 :]
        if forged != told:
            message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            headers = {**session.headers, "Mcp-Session-Id": forged}
            assert self.world.run(self.world.post(who, message, headers))[0] == 404

    def teardown(self):
        """Let everybody come back who can, and hear the rest."""
        for session in self.known:
            if session.is_standing and session.ear.ids and session.ear.task is None:
                self.listen(session)
        self.hear_all()
        for session in self.known:
            self.world.run(session.ear.hang_up())
            if not session.is_over:
                self.send_delete(session, session.who)


@pytest.fixture
def world():
    with asyncio.Runner() as runner:
        world = World(runner)
        world.run(world.start())
        yield world
        world.run(world.stop())


@pytest.mark.slow
@pytest.mark.requirement("t21-streams")
def test_no_walk_loses_or_doubles_a_message_or_shows_what_is_anothers(world):
    run_state_machine_as_test(
        lambda: Walk(world),
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
