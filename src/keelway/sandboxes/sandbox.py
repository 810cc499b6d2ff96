"""A running machine: commands, files, sessions, ports. Every verb raises the errors of `errors.py`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from daytona import (
    AsyncSandbox,
    FileDownloadRequest,
    FileUpload,
    SessionExecuteRequest,
)

from keelway.ids import SandboxId
from keelway.sandboxes import state
from keelway.sandboxes.errors import SandboxError, SandboxUnreachable, SessionLost, translated
from keelway.sandboxes.state import SandboxState

UPLOAD_BYTES = 24 * 1024 * 1024
"""Most bytes in one upload request, so that no proxy on the way refuses it."""
UPLOAD_FILES = 500

OnOutput = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ExecResult:
    """An ended command: its exit code (not an error) and stdout with stderr, in order."""

    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class PreviewLink:
    """Where a port of a sandbox is served, and the token that opens it."""

    url: str
    token: str


class Sandbox:
    """One machine of the SDK's, in our words. Paths are absolute."""

    def __init__(self, remote: AsyncSandbox) -> None:
        self.remote = remote
        self.id = SandboxId(remote.id)

    @property
    def state(self) -> SandboxState:
        """As last heard; `refresh` asks."""
        return state.of(self.remote.state.value if self.remote.state else None)

    @property
    def labels(self) -> Mapping[str, str]:
        return self.remote.labels

    async def refresh(self) -> SandboxState:
        with translated(self.id):
            await self.remote.refresh_data(request_timeout=20)
        return self.state

    async def exec(self, command: str, *, cwd: str | None = None, seconds: int = 60) -> ExecResult:
        """Run one shell command to its end. SandboxTimeout when it takes longer."""
        with translated(self.id):
            done = await self.remote.process.exec(command, cwd=cwd, timeout=seconds)
        return ExecResult(int(done.exit_code), done.result)

    async def check(self, command: str, *, cwd: str | None = None, seconds: int = 60) -> str:
        """`exec`, for commands that have no reason to fail: SandboxError when they do."""
        done = await self.exec(command, cwd=cwd, seconds=seconds)
        if done.exit_code != 0:
            raise SandboxError(
                f"A command in the sandbox failed: {done.output[-500:]}", sandbox=self.id
            )
        return done.output

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Write whole files, in this order, in as few requests as sensible."""
        for batch in batches(files.items()):
            uploads = [FileUpload(source=data, destination=path) for path, data in batch]
            with translated(self.id):
                await self.remote.fs.upload_files(uploads)

    async def read(self, path: str) -> bytes:
        """One file. FileNotFoundError, IsADirectoryError."""
        with translated(self.id):
            data = await self.remote.fs.download_file(path)
        return data or b""

    async def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Those of the files that could be read."""
        requests = [FileDownloadRequest(source=path) for path in paths]
        with translated(self.id):
            answers = await self.remote.fs.download_files(requests)
        found: dict[str, bytes] = {}
        for answer in answers:
            if answer.error is None:
                data = answer.result or b""
                found[answer.source] = data.encode() if isinstance(data, str) else data
        return found

    async def start_session(self, name: str) -> None:
        """SandboxTaken when there is one of that name."""
        with translated(self.id):
            await self.remote.process.create_session(name, request_timeout=20)

    async def end_session(self, name: str) -> bool:
        """Kill all that runs in it; False when there was none."""
        try:
            with translated(self.id):
                await self.remote.process.delete_session(name, request_timeout=20)
        except SessionLost:
            return False
        return True

    async def sessions(self) -> list[str]:
        with translated(self.id):
            found = await self.remote.process.list_sessions(request_timeout=20)
        return [session.session_id for session in found]

    async def launch(self, session: str, command: str) -> str:
        """Start a command in a session without waiting for it; returns the command's id."""
        request = SessionExecuteRequest(command=command, run_async=True)
        with translated(self.id):
            answer = await self.remote.process.execute_session_command(session, request, timeout=20)
        return answer.cmd_id

    async def commands(self, session: str) -> list[tuple[str, int | None]]:
        """Ids and exit codes (None: still running) of a session's commands. SessionLost."""
        with translated(self.id):
            found = await self.remote.process.get_session(session, request_timeout=20)
        return [(one.id, one.exit_code) for one in found.commands or []]

    async def exit_code(self, session: str, command: str) -> int | None:
        with translated(self.id):
            one = await self.remote.process.get_session_command(
                session, command, request_timeout=20
            )
        return one.exit_code

    async def logs(self, session: str, command: str) -> str:
        """All that a command has said so far."""
        with translated(self.id):
            logs = await self.remote.process.get_session_command_logs(
                session, command, request_timeout=20
            )
        return logs.output or (logs.stdout or "") + (logs.stderr or "")

    async def follow(self, session: str, command: str, output: OnOutput) -> int | None:
        """Hand on a command's output from its beginning, as it comes, until it ends.

        Returns:
            Its exit code; None when somebody ended the session meanwhile.
        """
        heard = 0
        for attempt in range(5):
            skip = heard

            async def hand_on(text: str) -> None:
                nonlocal skip, heard
                fresh = text[skip:] if skip else text
                skip -= len(text) - len(fresh)
                heard += len(fresh)
                if fresh:
                    await output(fresh)

            try:
                with translated(self.id):
                    await self.remote.process.get_session_command_logs_async(
                        session, command, hand_on, hand_on
                    )
            except SandboxError:
                # The stream broke, the command may not have: its exit code decides.
                await asyncio.sleep(0.2 * attempt)
            try:
                code = await self.exit_code(session, command)
            except SessionLost:
                return None
            if code is not None:
                return code
        raise SandboxUnreachable("The command's output cannot be followed.", sandbox=self.id)

    async def preview_link(self, port: int) -> PreviewLink:
        with translated(self.id):
            link = await self.remote.get_preview_link(port, request_timeout=20)
        return PreviewLink(link.url, link.token)

    async def touch(self) -> None:
        """Tell the engine that somebody looks at it, so that it stays awake."""
        with translated(self.id):
            await self.remote.refresh_activity(request_timeout=20)

    async def start(self, seconds: float = 60) -> None:
        with translated(self.id):
            await self.remote.start(timeout=seconds)

    async def stop(self, seconds: float = 60) -> None:
        with translated(self.id):
            await self.remote.stop(timeout=seconds)

    async def settle(self, seconds: float = 60) -> SandboxState:
        """Wait while it changes; the state it came to, CHANGING when it never came to one."""
        deadline = time.monotonic() + seconds
        while self.state is SandboxState.CHANGING and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            await self.refresh()
        return self.state

    async def snapshot(self, name: str, seconds: float = 300) -> None:
        """Keep its files as an image. SandboxTaken when the name exists."""
        with translated(self.id):
            await self.remote.create_snapshot(name, timeout=seconds)


def batches(items: Iterable[tuple[str, bytes]]) -> Iterable[list[tuple[str, bytes]]]:
    """Cut into lists below the upload limits, keeping the order."""
    batch: list[tuple[str, bytes]] = []
    size = 0
    for path, data in items:
        if batch and (size + len(data) > UPLOAD_BYTES or len(batch) >= UPLOAD_FILES):
            yield batch
            batch, size = [], 0
        batch.append((path, data))
        size += len(data)
    if batch:
        yield batch
