"""One session: a shell that keeps its folder and variables between commands, and their outputs.

Its three streams are named pipes in the sandbox's folder on the host, held open by the shell itself:
it lives on when the engine dies, waits when nobody reads, and the next engine reads on.
"""

import asyncio
import json
import os
import shutil
import signal
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sandboxd.errors import BadRequest, SandboxdError
from sandboxd.runtime.runtime import Process
from sandboxd.tasks import cancel
from sandboxd.toolbox import jobs
from sandboxd.toolbox.inside import BASH, Inside
from sandboxd.toolbox.pipes import Reader, write_all
from sandboxd.toolbox.session_logs import ERR, OUT, CommandLog
from sandboxd.toolbox.shell_loop import End, Splitter, command_line, loop_script

GRACE = 0.2  # seconds that a stopped sandbox's commands get after SIGTERM
KILLED = 128 + signal.SIGKILL
_STREAMS = {OUT: "out", ERR: "err"}


class SessionEnded(SandboxdError):
    status, code, source = 410, "SESSION_ENDED", "DAYTONA_DAEMON"


class CommandCompleted(SandboxdError):
    status, code, source = 410, "COMMAND_ALREADY_COMPLETED", "DAYTONA_DAEMON"


@dataclass(slots=True)
class Command:
    """A command told to a session's shell; `exit_code` is None until it has ended."""

    id: str
    command: str
    exit_code: int | None = None
    started: bool = False
    log: CommandLog | None = None
    ended_streams: set[int] = field(default_factory=set[int])
    waiting_input: list[bytes] = field(default_factory=list[bytes])
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.id, "command": self.command}
        if self.exit_code is not None:
            shown["exitCode"] = self.exit_code
        return shown


@dataclass(slots=True)
class Saved:
    """What must be known to find a session again: written before its shell is told anything."""

    session_id: str
    nonce: str
    mark: str
    pid: int = 0
    ended: bool = False
    commands: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Session:
    """See the module. Made by `Session.begin` or `Session.resume`, ended by `close`."""

    def __init__(self, within: Inside, folder: Path, saved: Saved) -> None:
        self.within = within
        self.id = saved.session_id
        self.commands: dict[str, Command] = {}
        self._folder = folder
        self._saved = saved
        self._process: Process | None = None
        self._shell_ended = False
        self._pending: list[Command] = []
        self._current: Command | None = None
        self._feed: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._readers: dict[int, Reader] = {}
        self._splitters = {stream: Splitter(saved.nonce) for stream in _STREAMS}

    # -- beginning and end --------------------------------------------------------------------

    @classmethod
    async def begin(cls, within: Inside, folder: Path, session_id: str) -> Self:
        """Start the shell. Raises `SpawnFailed`."""
        folder.mkdir(mode=0o700)  # noqa: ASYNC240 - in no time
        session = cls(within, folder, Saved(session_id, jobs.new_mark(), jobs.new_mark()))
        try:
            await session._start_shell()
        except BaseException:
            shutil.rmtree(folder)
            raise
        return session

    @classmethod
    async def resume(cls, within: Inside, folder: Path) -> Self:
        """Take over a session that an earlier engine began."""
        saved = Saved(**json.loads((folder / "session.json").read_bytes()))
        session = cls(within, folder, saved)
        for each in saved.commands:
            command = Command(
                each["id"], each["command"], each["exit_code"], started=each["started"]
            )
            command.log = session._log(command.id)
            session.commands[command.id] = command
            if command.exit_code is not None:
                command.log.close()
                command.done.set()
            elif command.started:
                session._current = command
            else:
                session._pending.append(command)
        session._process = await within.machine.attach(saved.pid)
        session._open_streams()
        if session._process is None:
            session._end(KILLED)
        return session

    async def _start_shell(self) -> None:
        for name in ("in", *_STREAMS.values()):
            os.mkfifo(self._folder / name, 0o600)
            if os.geteuid() == 0:
                os.chown(self._folder / name, *self.within.engine.runtime.owner)
        shell = await self.within.shell(BASH)
        descriptors = [
            os.open(self._folder / name, os.O_RDWR | os.O_CLOEXEC)
            for name in ("in", *_STREAMS.values())
        ]
        try:
            job = await self.within.start(
                [shell, "-c", loop_script(self._saved.nonce)],
                None,
                None,
                stdin=descriptors[0],
                stdout=descriptors[1],
                stderr=descriptors[2],
                mark=self._saved.mark,
            )
            self._process = job.process
            self._saved.pid = job.pid
            self._save()
            self._open_streams()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _open_streams(self) -> None:
        for stream, name in _STREAMS.items():
            reading = os.open(self._folder / name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._readers[stream] = Reader(reading, lambda data, s=stream: self._take(s, data))
        tasks = self.within.engine.tasks
        self._tasks.append(tasks.spawn(self._write_input(), f"session {self.id} input"))
        if self._process is not None:
            watching = self._watch_shell(self._process)
            self._tasks.append(tasks.spawn(watching, f"session {self.id}"))

    async def close(self, *, force: bool = True) -> None:
        """Kill everything that came from the session; its commands count as killed."""
        self._saved.ended = True
        if not force and self._process is not None:
            await self._process.signal(signal.SIGTERM)
            if self._current is not None:
                await asyncio.wait([self._tasks[-1]], timeout=GRACE)
        for task in self._tasks:
            await cancel(task)
        leader = None if self._shell_ended else self._process
        await jobs.end(self.within.machine, self._saved.mark, leader)
        self._end(KILLED)
        self.let_go()
        await asyncio.to_thread(shutil.rmtree, self._folder)

    def let_go(self) -> None:
        """Close what this engine holds of the session, nothing of the session itself."""
        for reader in self._readers.values():
            reader.close()

    # -- commands -----------------------------------------------------------------------------

    def execute(self, text: str) -> Command:
        """Tell the shell to run `text` once all earlier commands have ended."""
        if self._saved.ended:
            raise SessionEnded(f"Session {self.id} has ended")
        if "\0" in text:
            raise BadRequest("A command cannot hold a zero byte")
        command = Command(str(uuid.uuid4()), text)
        command.log = self._log(command.id)
        self.commands[command.id] = command
        self._pending.append(command)
        self._next()
        return command

    def send_input(self, command: Command, text: str) -> None:
        """Give `text` to the command's standard input; a line that is not ended gets its end."""
        if command.exit_code is not None:
            raise CommandCompleted(f"Command {command.id} has already completed")
        data = text.encode() if text.endswith("\n") else f"{text}\n".encode()
        if command is self._current:
            self._feed.put_nowait(data)
        else:
            command.waiting_input.append(data)

    def _next(self) -> None:
        if self._current is not None or not self._pending or self._saved.ended:
            self._save()
            return
        command = self._current = self._pending.pop(0)
        command.started = True
        self._save()
        self._feed.put_nowait(command_line(self._saved.nonce, command.id, command.command))
        for data in command.waiting_input:
            self._feed.put_nowait(data)

    async def _write_input(self) -> None:
        writing = os.open(self._folder / "in", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while True:
                await write_all(writing, await self._feed.get())
        finally:
            os.close(writing)

    # -- what comes out -----------------------------------------------------------------------

    def _take(self, stream: int, data: bytes) -> None:
        for piece in self._splitters[stream].feed(data):
            if isinstance(piece, End):
                self._mark_end(stream, piece)
            elif self._current is not None and self._current.log is not None:
                self._current.log.append(stream, piece)

    def _mark_end(self, stream: int, end: End) -> None:
        command = self.commands.get(end.command_id)
        if command is None or command.exit_code is not None:
            return
        command.ended_streams.add(stream)
        if len(command.ended_streams) == len(_STREAMS):
            self._complete(command, end.code)
            self._next()

    def _complete(self, command: Command, code: int) -> None:
        command.exit_code = code
        if command.log is not None:
            command.log.close()
        if command is self._current:
            self._current = None
        command.done.set()
        self._save()

    async def _watch_shell(self, process: Process) -> None:
        code = await process.wait()
        self._shell_ended = True
        self._end(code)

    def _end(self, code: int) -> None:
        """The shell has ended: so has what it was running, and what it had not begun."""
        self._saved.ended = True
        for reader in self._readers.values():
            if not reader.ended.is_set():
                reader.drain()
        if self._current is not None:
            for stream, splitter in self._splitters.items():
                if self._current.log is not None:
                    self._current.log.append(stream, splitter.flush())
            self._complete(self._current, code)
        for command in self._pending:
            self._complete(command, KILLED)
        self._pending.clear()
        self._save()

    # -- on disk ------------------------------------------------------------------------------

    def _log(self, command_id: str) -> CommandLog:
        return CommandLog(self._folder, command_id, self.within.engine.settings.output_limit)

    def _save(self) -> None:
        """Survives the engine's death, not a power cut: then the shell is gone as well."""
        self._saved.commands = [
            {
                "id": command.id,
                "command": command.command,
                "exit_code": command.exit_code,
                "started": command.started,
            }
            for command in self.commands.values()
        ]
        temporary = self._folder / "session.json.tmp"
        temporary.write_text(json.dumps(asdict(self._saved)))
        temporary.replace(self._folder / "session.json")
