"""Sessions over HTTP and the followers' websocket (ENGINE-CONTRACT 4.4, 4.5)."""

import asyncio
import uuid
from pathlib import Path

from pydantic import BaseModel, Field, StrictBool, StrictStr
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from sandboxd.errors import BadRequest, Conflict, NotFound
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.toolbox.session import Command, Session
from sandboxd.toolbox.session_logs import ERR, OUT, CommandLog
from sandboxd.wire import Call, Routes, answer, nothing

routes = Routes()

ENTRYPOINT = "entrypoint"
MARKERS = {OUT: b"\x01\x01\x01", ERR: b"\x02\x02\x02"}
JSON_LOGS_SINCE = (0, 167, 0)
MAX_SESSIONS = 200


class Sessions:
    """The sessions of one running sandbox."""

    def __init__(self, within: Inside) -> None:
        self._within = within
        self._folder = within.engine.store.machine_home(within.box.id) / "sessions"
        self._all: dict[str, Session] = {}
        self._beginning: set[str] = set()

    async def resume(self) -> None:
        for folder in self._folders():
            if (folder / "session.json").exists():
                session = await Session.resume(self._within, folder)
                self._all[session.id] = session

    async def close(self, *, force: bool) -> None:
        async with asyncio.TaskGroup() as group:
            for session in self._all.values():
                group.create_task(session.close(force=force))
        self._all.clear()

    def let_go(self) -> None:
        for session in self._all.values():
            session.let_go()

    async def begin(self, session_id: str) -> None:
        if session_id in self._all or session_id in self._beginning or session_id == ENTRYPOINT:
            raise Conflict(f"Session {session_id} already exists")
        if len(self._all) >= MAX_SESSIONS:
            raise BadRequest(f"A sandbox can have at most {MAX_SESSIONS} sessions")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._beginning.add(session_id)
        try:
            folder = self._folder / str(uuid.uuid4())
            self._all[session_id] = await Session.begin(self._within, folder, session_id)
        finally:
            self._beginning.discard(session_id)

    def all(self) -> list[Session]:
        return list(self._all.values())

    def get(self, session_id: str) -> Session:
        session = self._all.get(session_id)
        if session is None:
            raise NotFound(f"Session {session_id} not found")
        return session

    async def delete(self, session_id: str) -> None:
        session = self.get(session_id)
        del self._all[session_id]
        await session.close()

    def _folders(self) -> list[Path]:
        return list(self._folder.iterdir()) if self._folder.is_dir() else []


class SessionBody(BaseModel):
    session_id: StrictStr = Field(alias="sessionId", min_length=1, max_length=255)


class ExecBody(BaseModel):
    command: StrictStr
    run_async: StrictBool | None = Field(default=None, alias="runAsync")
    old_async: StrictBool | None = Field(default=None, alias="async")


class InputBody(BaseModel):
    data: StrictStr


@routes.route("POST", "/process/session")
async def create(call: Call) -> Response:
    body = await call.model(SessionBody)
    await inside(call).keeper(Sessions).begin(body.session_id)
    return nothing(201)


@routes.route("GET", "/process/session")
async def list_sessions(call: Call) -> Response:
    return answer([_shown(session) for session in inside(call).keeper(Sessions).all()])


@routes.route("GET", "/process/session/entrypoint")
async def entrypoint(call: Call) -> Response:
    inside(call)
    return answer({"sessionId": ENTRYPOINT, "commands": []})


@routes.route("GET", "/process/session/entrypoint/logs")
async def entrypoint_logs(call: Call) -> Response:
    inside(call)
    return answer({"output": "", "stdout": "", "stderr": ""})


@routes.route("WEBSOCKET", "/process/session/entrypoint/logs")
async def follow_entrypoint(call: Call) -> None:
    inside(call)
    await call.accept()
    await call.socket.close(1000)


@routes.route("GET", "/process/session/{sid}")
async def get(call: Call) -> Response:
    return answer(_shown(_session(call)))


@routes.route("DELETE", "/process/session/{sid}")
async def delete(call: Call) -> Response:
    await inside(call).keeper(Sessions).delete(call.params["sid"])
    return nothing(204)


@routes.route("POST", "/process/session/{sid}/exec")
async def execute(call: Call) -> Response:
    body = await call.model(ExecBody)
    command = _session(call).execute(body.command)
    if body.run_async or body.old_async:
        return answer({"cmdId": command.id}, 202)
    with call.box.activity():
        await command.done.wait()
    logs = await _texts(_log(command))
    return answer({"cmdId": command.id, "exitCode": command.exit_code, **logs})


@routes.route("GET", "/process/session/{sid}/command/{cid}")
async def get_command(call: Call) -> Response:
    return answer(_command(call).to_json())


@routes.route("GET", "/process/session/{sid}/command/{cid}/logs")
async def logs(call: Call) -> Response:
    texts = await _texts(_log(_command(call)))
    if _version(call) < JSON_LOGS_SINCE:
        return PlainTextResponse(texts["output"])
    return answer(texts)


@routes.route("POST", "/process/session/{sid}/command/{cid}/input")
async def send_input(call: Call) -> Response:
    body = await call.model(InputBody)
    _session(call).send_input(_command(call), body.data)
    return nothing(204)


@routes.route("WEBSOCKET", "/process/session/{sid}/command/{cid}/logs")
async def follow(call: Call) -> None:
    log = _log(_command(call))
    await call.accept()
    with call.box.activity():
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_send(call.socket, log))
            leaving = group.create_task(_until_gone(call.socket))
            await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            leaving.cancel()


async def _send(socket: WebSocket, log: CommandLog) -> None:
    try:
        async for records in log.follow():
            for stream, data in records:
                await socket.send_bytes(MARKERS[stream] + data)
        await socket.close(1000)
    except (WebSocketDisconnect, RuntimeError):
        return  # the follower has left; the session goes on


async def _until_gone(socket: WebSocket) -> None:
    """Read, so that pings are answered, until the follower closes."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _session(call: Call) -> Session:
    return inside(call).keeper(Sessions).get(call.params["sid"])


def _command(call: Call) -> Command:
    command = _session(call).commands.get(call.params["cid"])
    if command is None:
        raise NotFound(f"Command {call.params['cid']} not found")
    return command


def _log(command: Command) -> CommandLog:
    if command.log is None:
        raise NotFound(f"Command {command.id} has no logs")
    return command.log


def _shown(session: Session) -> dict[str, object]:
    commands = [command.to_json() for command in session.commands.values()]
    return {"sessionId": session.id, "commands": commands}


async def _texts(log: CommandLog) -> dict[str, str]:
    records = await log.read()
    parts = {
        "output": [data for _, data in records],
        "stdout": [data for stream, data in records if stream == OUT],
        "stderr": [data for stream, data in records if stream == ERR],
    }
    return {name: b"".join(pieces).decode(errors="replace") for name, pieces in parts.items()}


def _version(call: Call) -> tuple[int, ...]:
    """The caller's SDK version; the oldest when it does not say."""
    try:
        text = call.headers.get("x-daytona-sdk-version", "0").split("-")[0]
        return tuple(int(part) for part in text.split("."))
    except ValueError:
        return (0,)
