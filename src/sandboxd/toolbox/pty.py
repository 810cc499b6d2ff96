"""Terminals: a shell on the sandbox's own pseudo terminal, attached to by websocket (4.4, 4.5).

A terminal lives until its shell ends, it is deleted or the engine stops; clients come and go.
"""

import asyncio
import base64
import fcntl
import json
import os
import struct
import termios
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, StrictInt, StrictStr, TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandboxd.errors import BadRequest, Conflict, NotFound
from sandboxd.store import now
from sandboxd.toolbox import jobs
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.toolbox.pipes import Reader, write_all
from sandboxd.wire import Call, Routes, answer, to_int

routes = Routes()

EXIT_CONTROL = "X-Daytona-Pty-Exit-Control"
ENVS = "X-Daytona-Pty-Envs~"
MAX_TERMINALS = 100
BEHIND = 4096  # pieces that a client may be behind before it is cut off

_Env = TypeAdapter(dict[str, str])
_End = int


class PtyBody(BaseModel):
    id: StrictStr = Field(min_length=1, max_length=255)
    cwd: StrictStr | None = None
    envs: dict[StrictStr, StrictStr] | None = None
    cols: StrictInt = 80
    rows: StrictInt = 24
    lazy_start: bool | None = Field(default=None, alias="lazyStart")


class SizeBody(BaseModel):
    cols: StrictInt
    rows: StrictInt


@dataclass(slots=True)
class Terminal:
    id: str
    cwd: str
    envs: dict[str, str]
    cols: int
    rows: int
    created_at: str = field(default_factory=now)
    job: jobs.Job | None = None
    master: int = -1
    clients: set["asyncio.Queue[bytes | _End]"] = field(
        default_factory=set["asyncio.Queue[bytes | int]"]
    )
    watch: asyncio.Task[None] | None = None

    def info(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "cwd": self.cwd,
            "envs": self.envs,
            "cols": self.cols,
            "rows": self.rows,
            "createdAt": self.created_at,
            "active": True,
            "lazyStart": False,
        }

    def tell(self, piece: "bytes | _End") -> None:
        """Give every client what was said, or the exit code; drop those that do not keep up."""
        for client in list(self.clients):
            try:
                client.put_nowait(piece)
            except asyncio.QueueFull:
                self.clients.discard(client)


class Terminals:
    """The terminals of one running sandbox."""

    def __init__(self, within: Inside) -> None:
        self._within = within
        self._all: dict[str, Terminal] = {}

    async def resume(self) -> None:
        """Nothing outlives the engine: its side of each terminal was closed with it."""

    def let_go(self) -> None:
        """Terminals end when their master closes with the process."""

    async def close(self, *, force: bool) -> None:  # noqa: ARG002 - always forced
        for name in list(self._all):
            await self.delete(name)

    def all(self) -> list[Terminal]:
        return list(self._all.values())

    def get(self, name: str) -> Terminal:
        terminal = self._all.get(name)
        if terminal is None:
            raise NotFound(f"PTY session {name} not found")
        return terminal

    async def begin(self, body: PtyBody) -> Terminal:
        """Start a shell on a new terminal. Raises `Conflict` and `SpawnFailed`."""
        if body.id in self._all:
            raise Conflict(f"PTY session {body.id} already exists")
        if len(self._all) >= MAX_TERMINALS:
            raise BadRequest(f"A sandbox can have at most {MAX_TERMINALS} terminals")
        check_size(body.cols, body.rows)
        within = self._within
        terminal = Terminal(body.id, within.path(body.cwd), body.envs or {}, body.cols, body.rows)
        self._all[body.id] = terminal
        try:
            mark = jobs.new_mark()
            process, terminal.master = await within.machine.pty(
                [await within.shell(), "-i"],
                env={**within.env(body.envs), jobs.MARK: mark},
                cwd=terminal.cwd,
                cols=body.cols,
                rows=body.rows,
            )
        except BaseException:
            del self._all[body.id]
            raise
        terminal.job = jobs.Job(within.machine, process, mark)
        reader = Reader(os.dup(terminal.master), terminal.tell)
        os.set_blocking(terminal.master, False)
        watching = self._watch(terminal, terminal.job, reader)
        terminal.watch = within.engine.tasks.spawn(watching, f"terminal {body.id}")
        return terminal

    async def delete(self, name: str) -> None:
        terminal = self.get(name)
        if terminal.job is not None:
            await terminal.job.end()
        if terminal.watch is not None:
            await asyncio.wait([terminal.watch])

    async def _watch(self, terminal: Terminal, job: jobs.Job, reader: Reader) -> None:
        try:
            code = await job.wait()
            reader.drain()
            terminal.tell(code)
        finally:
            self._all.pop(terminal.id, None)
            reader.close()
            os.close(terminal.master)
            terminal.master = -1


def check_size(cols: int, rows: int) -> None:
    if not (1 <= cols <= 1000 and 1 <= rows <= 1000):
        raise BadRequest("cols and rows must be between 1 and 1000")


@routes.route("GET", "/process/pty")
async def list_terminals(call: Call) -> Response:
    return answer({"sessions": [each.info() for each in inside(call).keeper(Terminals).all()]})


@routes.route("POST", "/process/pty")
async def create(call: Call) -> Response:
    terminals = inside(call).keeper(Terminals)
    terminal = await terminals.begin(await call.model(PtyBody))
    return answer({"sessionId": terminal.id}, 201)


@routes.route("GET", "/process/pty/{id}")
async def get(call: Call) -> Response:
    return answer(inside(call).keeper(Terminals).get(call.params["id"]).info())


@routes.route("DELETE", "/process/pty/{id}")
async def delete(call: Call) -> Response:
    await inside(call).keeper(Terminals).delete(call.params["id"])
    return answer({})


@routes.route("POST", "/process/pty/{id}/resize")
async def resize(call: Call) -> Response:
    terminal = inside(call).keeper(Terminals).get(call.params["id"])
    body = await call.model(SizeBody)
    check_size(body.cols, body.rows)
    size = struct.pack("HHHH", body.rows, body.cols, 0, 0)
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, size)
    terminal.cols, terminal.rows = body.cols, body.rows
    return answer(terminal.info())


@routes.route("WEBSOCKET", "/process/pty/create-connect")
async def create_and_connect(call: Call) -> None:
    body = PtyBody(
        id=call.need("id"),
        cwd=call.query.get("cwd"),
        envs=_envs(call),
        cols=to_int(call.query.get("cols") or "80", "cols"),
        rows=to_int(call.query.get("rows") or "24", "rows"),
    )
    await _serve(call, await inside(call).keeper(Terminals).begin(body))


@routes.route("WEBSOCKET", "/process/pty/{id}/connect")
async def connect(call: Call) -> None:
    await _serve(call, inside(call).keeper(Terminals).get(call.params["id"]))


def _envs(call: Call) -> dict[str, str] | None:
    """Variables travel as a sub-protocol: base64url of a JSON object."""
    for name in call.scope.get("subprotocols", []):
        if name.startswith(ENVS):
            text = name.removeprefix(ENVS)
            try:
                return _Env.validate_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            except (ValueError, ValidationError) as error:
                raise BadRequest("The environment is not base64url of a JSON object") from error
    return None


async def _serve(call: Call, terminal: Terminal) -> None:
    """Join one client and the terminal until either ends."""
    queue: asyncio.Queue[bytes | int] = asyncio.Queue(BEHIND)
    terminal.clients.add(queue)
    try:
        await call.accept(EXIT_CONTROL)
        await call.socket.send_text(json.dumps({"type": "control", "status": "connected"}))
        exit_control = EXIT_CONTROL in call.scope.get("subprotocols", [])
        with call.box.activity():
            async with asyncio.TaskGroup() as group:
                there = group.create_task(_input(call.socket, terminal))
                back = group.create_task(_output(call.socket, queue, exit_control=exit_control))
                await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
                there.cancel()
                back.cancel()
    finally:
        terminal.clients.discard(queue)


async def _input(socket: WebSocket, terminal: Terminal) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        data: bytes = message.get("bytes") or (text or "").encode()
        if terminal.master >= 0 and data:
            await write_all(terminal.master, data)


async def _output(
    socket: WebSocket, queue: "asyncio.Queue[bytes | int]", *, exit_control: bool
) -> None:
    try:
        while not isinstance(piece := await queue.get(), int):
            await socket.send_bytes(piece)
        end: dict[str, object] = {"exitCode": piece}
        if piece > 128:
            end["exitReason"] = f"killed by signal {piece - 128}"
        if exit_control:
            control = {"type": "control", "status": "exited", **end}
            await socket.send_text(json.dumps(control))
        await socket.close(1000, json.dumps(end))
    except (WebSocketDisconnect, RuntimeError):
        return  # the client has left; the terminal goes on
