"""Two processes that share a store, tools that go on as tasks, and a client that knows tasks."""

import asyncio
import itertools

import orjson
from engine_double import CAPABILITIES_KEY, MODERN, Bench, modern, told

from atoms_mcp.engine.dispatch import Engine
from atoms_mcp.engine.footing import Footing
from atoms_mcp.engine.frame import Frame
from atoms_mcp.engine.offer.offer import Offer
from atoms_mcp.engine.offer.tool import Tool
from atoms_mcp.engine.talk.inputs import InputRequest
from atoms_mcp.engine.tasks.use import TaskUse
from atoms_mcp.errors import ToolError
from atoms_mcp.protocol.task import TASKS

ANY = {"type": "object"}
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
KNOWS = {"elicitation": {}, "extensions": {TASKS: {}}}
BOUND_S = 5
PAUSE_S = 0.002


class Work:
    """What the tools do, and how the test has a hand in it."""

    def __init__(self):
        self.go = asyncio.Event()
        self.entered = asyncio.Event()
        self.fault = None
        self.contexts = []
        self.prepared = []

    async def wait(self, context, arguments):
        """Wait for the test; fail as the test wants."""
        self.contexts.append(context)
        self.entered.set()
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return {"user": context.caller.user_id, **arguments}

    async def ask(self, context, arguments):
        """Ask for as many names as wanted, all at once."""
        keys = arguments.get("keys", ["name"])
        answers = await context.ask({key: InputRequest.form(f"{key}?", FORM) for key in keys})
        again = await context.ask({key: InputRequest.form(f"{key}?", FORM) for key in keys})
        assert again == answers
        return {key: answers[key]["content"]["name"] for key in keys}

    async def step(self, context, arguments):
        """Stop by itself, and say how far it came."""
        self.contexts.append(context)
        self.entered.set()
        await context.progress(1, 3, "one is made")
        for _ in itertools.takewhile(lambda _: not context.is_cancelled, itertools.count()):
            await asyncio.sleep(0)
        if arguments.get("is_done"):
            return {"made": 3}
        raise ToolError("cancelled", "1 of 3 is made.", fix="Make the others.")

    async def step_and_ask(self, context, arguments):
        """Look whether to stop, and wait for an answer besides."""
        return await self.ask(context, arguments)

    async def prepare(self, context, arguments):
        """Ask for a name before there is a task."""
        answer = await context.elicit("name", "Name?", FORM)
        self.prepared.append(answer.content["name"])
        return arguments | {"name": answer.content["name"]}

    def listed(self):
        always, only = TaskUse(), TaskUse(is_required=True)
        return (
            _tool("long", self.wait, TaskUse(suits=lambda given: given.get("rows", 2) > 1)),
            _tool("only", self.wait, only),
            _tool("ask", self.ask, always),
            _tool("step", self.step, always, stops_itself=True),
            _tool("step_and_ask", self.step_and_ask, always, stops_itself=True),
            _tool("named", self.wait, TaskUse(is_required=True, prepare=self.prepare)),
        )


async def settle():
    """Let all that can go on go on for a while."""
    for _ in range(10):
        await asyncio.sleep(0)


def _tool(name, handler, use, **more):
    return Tool(name, f"To {name}.", handler, ANY, as_task=use, **more)


class TaskWorld:
    """`engine` is the process that is asked, `other` one more."""

    def __init__(self, **bench):
        self.work = Work()
        self.bench = Bench(Offer(self.work.listed()), **bench)
        self.engine = self.bench.engine
        self.other = self.start_another()

    def start_another(self):
        """Start a further process on the same store and with the same keys."""
        bench = self.bench
        footing = Footing(None, bench.book, bench.sessions, bench.seal, bench.store)
        return Engine(Offer(self.work.listed()), footing)

    async def ask(self, method, *, at=None, who="ada", capabilities=KNOWS, **params):
        """Send a request; give the whole reply."""
        message, headers = modern(method, params)
        message["params"]["_meta"][CAPABILITIES_KEY] = capabilities
        if "taskId" in params:
            headers["Mcp-Name"] = params["taskId"]
        engine, self.bench.engine = self.bench.engine, at or self.engine
        try:
            return await self.bench.send(message, headers=headers, who=who)
        finally:
            self.bench.engine = engine

    async def get(self, method, **more):
        """Send a request that succeeds; give its result."""
        reply = await self.ask(method, **more)
        assert reply.status == 200, reply.body
        return told(reply)["result"]

    async def begin(self, tool, **more):
        """Call a tool that goes on as a task; give the task's id."""
        begun = await self.get("tools/call", name=tool, **more)
        assert begun["resultType"] == "task"
        return begun["taskId"]

    async def wait_for(self, task_id, *statuses, at=None):
        """Ask how a task stands until it is so; give what is told."""
        async with asyncio.timeout(BOUND_S):
            while True:
                found = await self.get("tasks/get", taskId=task_id, at=at)
                if found["status"] in statuses:
                    return found
                await asyncio.sleep(PAUSE_S)

    async def stdio(self, method, **params):
        """Send a request as over stdio; give the whole message that comes back."""
        message, _ = modern(method, params)
        message["params"]["_meta"][CAPABILITIES_KEY] = KNOWS

        async def find_caller():
            return await self.bench.book.verify("t-ada")

        reply = await self.engine.answer(
            orjson.dumps(message), Frame("s-1", find_caller=find_caller)
        )
        return told(reply)

    async def close(self):
        await self.engine.close()
        await self.other.close()


__all__ = ["FORM", "KNOWS", "MODERN", "TaskWorld", "settle"]
