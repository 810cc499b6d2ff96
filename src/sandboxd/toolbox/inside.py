"""The inside of a running sandbox, as the toolbox's routes see it."""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

from sandboxd.box import Box, Running
from sandboxd.engine import Engine
from sandboxd.errors import SpawnFailed
from sandboxd.lifecycle import State
from sandboxd.settings import HOME_DIR
from sandboxd.toolbox import jobs
from sandboxd.wire import Call

BASH = ("/usr/bin/bash", "/bin/bash", "/usr/bin/sh", "/bin/sh")
SHELLS = ("/usr/bin/zsh", "/bin/zsh", *BASH)


class Keeper(Protocol):
    """Something that lives in a running sandbox and must be ended with it (sessions, terminals)."""

    async def resume(self) -> None:
        """Find again what an earlier engine kept in this machine."""
        ...

    async def close(self, *, force: bool) -> None: ...

    def let_go(self) -> None:
        """Close what this engine holds; what is kept lives on."""
        ...


K = TypeVar("K", bound=Keeper)


class Inside:
    """One running sandbox: its files, its way to start processes, and what is kept in it."""

    def __init__(self, engine: Engine, box: Box, running: Running) -> None:
        self.engine = engine
        self.box = box
        self.machine = running.machine
        self.files = running.files
        self.kept: dict[type, Keeper] = {}
        self._running = running
        self._shells: dict[tuple[str, ...], str] = {}

    def keeper(self, kind: type[K]) -> K:
        return cast(K, self.kept[kind])

    def path(self, path: str | None) -> str:
        """An absolute path; relative ones are taken from the work dir."""
        return posixpath.normpath(posixpath.join(HOME_DIR, path or "."))

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of a process."""
        return {**self._running.env, **(extra or {})}

    async def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None,
        cwd: str | None,
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        mark: str | None = None,
    ) -> jobs.Job:
        """Start a process with the sandbox's environment and `env`, in `cwd`."""
        return await jobs.start(
            self.machine,
            argv,
            self.env(env),
            self.path(cwd),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            mark=mark,
        )

    async def shell(self, among: tuple[str, ...] = SHELLS) -> str:
        """The first of these that the sandbox has."""
        if among not in self._shells:
            self._shells[among] = await self._first(among)
        return self._shells[among]

    async def _first(self, paths: Sequence[str]) -> str:
        for path in paths:
            try:
                info = await self.files.stat(path)
            except OSError:
                continue
            if not info.is_dir and info.mode & 0o111:
                return path
        raise SpawnFailed("The sandbox has no shell")


class Toolbox:
    """Keeps an `Inside` for every running sandbox; one of the engine's watchers."""

    def __init__(self, engine: Engine, keepers: Sequence[Callable[[Inside], Keeper]]) -> None:
        self._engine = engine
        self._keepers = keepers

    async def began(self, box: Box, *, adopted: bool) -> None:
        within = Inside(self._engine, box, box.machine())
        for make in self._keepers:
            keeper = make(within)
            within.kept[type(keeper)] = keeper
            if adopted:
                await keeper.resume()
        box.machine().inside = within

    async def ending(self, box: Box, *, force: bool) -> None:
        within = box.machine().inside
        if isinstance(within, Inside):
            for keeper in within.kept.values():
                await keeper.close(force=force)

    def let_go(self) -> None:
        """The engine ends and the sandboxes live on."""
        for box in self._engine.all():
            within = box.running.inside if box.running else None
            if isinstance(within, Inside):
                for keeper in within.kept.values():
                    keeper.let_go()

    async def changed(self, box: Box, old: State | None) -> None:
        """Nothing to do: states are not the toolbox's matter."""


def inside(call: Call) -> Inside:
    """The sandbox that the call names, running, and thereby active. Raises `NotStarted`."""
    within = call.running().inside
    call.box.touch()
    return cast(Inside, within)
