"""Python contexts that keep their variables between executions (ENGINE-CONTRACT 4.4, 4.5)."""

import asyncio
import json
import os
import signal
import socket
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, StrictStr, ValidationError
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandboxd.errors import BadRequest, NotFound
from sandboxd.store import now
from sandboxd.toolbox import jobs
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.toolbox.pipes import Reader, output_pipe
from sandboxd.wire import Call, Routes, answer

routes = Routes()

DRIVER = Path(__file__).with_name("interpreter_driver.py")
DEFAULT = "default"
DEFAULT_SECONDS = 600.0
INTERRUPT_SECONDS = 1.0
TIMED_OUT, UNKNOWN, BAD = 4008, 4004, 4000
MAX_CONTEXTS = 50


class ContextBody(BaseModel):
    cwd: StrictStr | None = None
    language: StrictStr | None = None


class ExecuteRequest(BaseModel):
    code: StrictStr
    context_id: StrictStr | None = Field(default=None, alias="contextId")
    envs: dict[StrictStr, StrictStr] | None = None
    timeout: float | None = None


@dataclass(slots=True)
class Context:
    """One interpreter process; executions queue on `turn`."""

    id: str
    cwd: str
    job: jobs.Job
    engine: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    readers: list[Reader]
    listeners: list["asyncio.Queue[dict[str, Any]]"] = field(
        default_factory=list["asyncio.Queue[dict[str, Any]]"]
    )
    created_at: str = field(default_factory=now)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def info(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "cwd": self.cwd,
            "language": "python",
            "createdAt": self.created_at,
            "active": True,
        }

    def say(self, message: dict[str, Any]) -> None:
        for listener in self.listeners:
            listener.put_nowait(message)

    async def execute(self, code: str, envs: dict[str, str] | None) -> None:
        """Run to the end; everything is told to the listeners. Raises ConnectionError."""
        reader, writer = self.engine
        writer.write(json.dumps({"code": code, "envs": envs}).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
        for each in self.readers:
            each.drain()
        if not line:
            raise ConnectionError("the interpreter has ended")
        error = json.loads(line)["error"]
        if error is not None:
            self.say({"type": "error", **error})

    async def end(self) -> None:
        self.engine[1].close()
        await self.job.end()
        for reader in self.readers:
            reader.close()


class Contexts:
    """The contexts of one running sandbox; the default one is made on first use."""

    def __init__(self, within: Inside) -> None:
        self._within = within
        self._all: dict[str, Context] = {}
        self._making = asyncio.Lock()

    async def resume(self) -> None:
        """Contexts end with the engine: their socket closes."""

    def let_go(self) -> None:
        for context in self._all.values():
            context.engine[1].close()

    async def close(self, *, force: bool) -> None:  # noqa: ARG002 - always forced
        for context in self._all.values():
            await context.end()
        self._all.clear()

    def shown(self) -> list[Context]:
        return [context for context in self._all.values() if context.id != DEFAULT]

    async def get(self, context_id: str | None) -> Context:
        if context_id in {None, "", DEFAULT}:
            async with self._making:
                return self._all.get(DEFAULT) or await self.make(DEFAULT, None)
        context = self._all.get(context_id or "")
        if context is None:
            raise NotFound(f"Interpreter context {context_id} not found")
        return context

    async def make(self, context_id: str, cwd: str | None) -> Context:
        if len(self._all) >= MAX_CONTEXTS:
            raise BadRequest(f"A sandbox can have at most {MAX_CONTEXTS} interpreter contexts")
        within = self._within
        ours, theirs = socket.socketpair()
        pipes = [output_pipe(within.engine.runtime.owner) for _ in range(2)]
        try:
            job = await within.start(
                ["python3", "-u", "-c", DRIVER.read_text()],
                None,
                cwd,
                stdin=theirs.fileno(),
                stdout=pipes[0][1],
                stderr=pipes[1][1],
            )
        except BaseException:
            ours.close()
            for reading, _ in pipes:
                os.close(reading)
            raise
        finally:
            theirs.close()
            for _, writing in pipes:
                os.close(writing)
        ours.setblocking(False)
        engine = await asyncio.open_connection(sock=ours, limit=64 * 1024 * 1024)
        context = Context(context_id, within.path(cwd), job, engine, [])
        context.readers = [
            Reader(reading, lambda data, kind=kind: context.say(_text(kind, data)))
            for kind, (reading, _) in zip(("stdout", "stderr"), pipes, strict=True)
        ]
        self._all[context_id] = context
        return context

    async def delete(self, context_id: str) -> None:
        if context_id == DEFAULT:
            raise BadRequest("The default context cannot be deleted")
        context = await self.get(context_id)
        await self.drop(context)

    async def drop(self, context: Context) -> None:
        if self._all.get(context.id) is context:
            del self._all[context.id]
        await context.end()


def _text(kind: str, data: bytes) -> dict[str, Any]:
    return {"type": kind, "text": data.decode(errors="replace")}


@routes.route("POST", "/process/interpreter/context")
async def create(call: Call) -> Response:
    body = await call.model(ContextBody)
    if body.language not in {None, "", "python"}:
        raise BadRequest("Only python contexts are supported")
    contexts = inside(call).keeper(Contexts)
    return answer((await contexts.make(str(uuid.uuid4()), body.cwd)).info())


@routes.route("GET", "/process/interpreter/context")
async def list_contexts(call: Call) -> Response:
    shown = inside(call).keeper(Contexts).shown()
    return answer({"contexts": [context.info() for context in shown]})


@routes.route("DELETE", "/process/interpreter/context/{id}")
async def delete(call: Call) -> Response:
    await inside(call).keeper(Contexts).delete(call.params["id"])
    return answer({"message": "Context deleted"})


@routes.route("WEBSOCKET", "/process/interpreter/execute")
async def execute(call: Call) -> None:
    contexts = inside(call).keeper(Contexts)
    await call.accept()
    try:
        request = ExecuteRequest.model_validate_json(await call.socket.receive_text())
        context = await contexts.get(request.context_id)
    except WebSocketDisconnect:
        return
    except ValidationError:
        await call.socket.close(BAD, "The request is not valid")
        return
    except NotFound as error:
        await call.socket.close(UNKNOWN, error.message)
        return
    with call.box.activity():
        await _run(contexts, context, request, call.socket)


async def _run(
    contexts: Contexts, context: Context, request: ExecuteRequest, client: WebSocket
) -> None:
    """Execute, telling the client as it happens; a client that leaves interrupts its code."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    async with context.turn, asyncio.TaskGroup() as group:
        context.listeners.append(queue)
        working = group.create_task(_work(contexts, context, request, queue))
        telling = group.create_task(_tell(client, queue))
        leaving = group.create_task(_until_gone(client))
        await asyncio.wait([telling, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await _interrupt(contexts, context, working)
        telling.cancel()
        leaving.cancel()
        context.listeners.remove(queue)


async def _work(
    contexts: Contexts,
    context: Context,
    request: ExecuteRequest,
    queue: "asyncio.Queue[dict[str, Any]]",
) -> None:
    seconds = DEFAULT_SECONDS if request.timeout is None else request.timeout or None
    try:
        async with asyncio.timeout(seconds):
            await context.execute(request.code, request.envs)
        queue.put_nowait({"type": "control", "text": "completed"})
        queue.put_nowait({"close": 1000, "reason": ""})
    except TimeoutError:
        await contexts.drop(context)
        queue.put_nowait({"close": TIMED_OUT, "reason": "Execution timed out"})
    except (ConnectionError, ValueError):
        await contexts.drop(context)
        error = {"name": "SystemExit", "value": "The interpreter has ended", "traceback": ""}
        queue.put_nowait({"type": "error", **error})
        queue.put_nowait({"type": "control", "text": "completed"})
        queue.put_nowait({"close": 1000, "reason": ""})


async def _interrupt(contexts: Contexts, context: Context, working: asyncio.Task[None]) -> None:
    await context.job.signal(signal.SIGINT)
    await asyncio.wait([working], timeout=INTERRUPT_SECONDS)
    if not working.done():
        await contexts.drop(context)


async def _tell(client: WebSocket, queue: "asyncio.Queue[dict[str, Any]]") -> None:
    try:
        while "close" not in (message := await queue.get()):
            await client.send_text(json.dumps(message))
        await client.close(message["close"], message["reason"])
    except (WebSocketDisconnect, RuntimeError):
        return  # the client has left


async def _until_gone(client: WebSocket) -> None:
    while (await client.receive())["type"] != "websocket.disconnect":
        pass
