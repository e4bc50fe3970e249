"""The Tasks extension as somebody would write it for the official client: it waits for the result.

`answer` is given each question of a task and gives the answer.
"""

import asyncio
from typing import Any, ClassVar, Literal

from mcp import types
from mcp.client.extension import ClientExtension, ResultClaim
from pydantic import BaseModel, ConfigDict, Field

IDENTIFIER = "io.modelcontextprotocol/tasks"
PAUSE_S = 0.01
TRIES = 1000


class Begun(types.Result):
    """What a call answers that goes on as a task."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")
    status: str


class Told(types.Result):
    """How a task stands."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    status: str = ""
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    questions: dict[str, Any] | None = Field(default=None, alias="inputRequests")


class Params(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True)
    task_id: str = Field(alias="taskId")


class Request(types.Request[Params, str]):
    name_param: ClassVar[str | None] = "taskId"
    method: str
    params: Params


class Tasks(ClientExtension):
    """Asks for each task until it has ended, and answers what it asks; keeps what was told."""

    identifier = IDENTIFIER

    def __init__(self, answer=None, *, is_stopped=False):
        self.answer = answer
        self.is_stopped = is_stopped
        self.told = []

    def claims(self):
        return (ResultClaim(result_type="task", model=Begun, resolve=self.resolve),)

    async def resolve(self, begun, context):
        if self.is_stopped:
            await self.ask(context, "tasks/cancel", begun)
        for _ in range(TRIES):
            told = await self.ask(context, "tasks/get", begun)
            self.told.append(told)
            if told.status == "completed":
                return types.CallToolResult.model_validate(told.result)
            if told.status in {"failed", "cancelled"}:
                text = told.error["message"] if told.error else told.status
                block = types.TextContent(type="text", text=text)
                return types.CallToolResult(content=[block], is_error=True)
            if told.questions:
                answers = {key: self.answer(one) for key, one in told.questions.items()}
                await self.ask(context, "tasks/update", begun, inputResponses=answers)
            await asyncio.sleep(PAUSE_S)
        raise TimeoutError

    async def ask(self, context, method, begun, **more):
        request = Request(method=method, params=Params(task_id=begun.task_id, **more))
        return await context.session.send_request(request, Told)
