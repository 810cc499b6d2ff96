"""The engine: owns every sandbox; commands come in, states go out.

One command at a time per sandbox. Each is written down before it is carried out, so that an engine
that starts after a crash knows what to finish and what to undo.
"""

import asyncio
import logging
import re
import socket
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sandboxd import intervals, lifecycle
from sandboxd.box import Box, NewSandbox, Running, Watcher, new_record
from sandboxd.disk import DiskGuard
from sandboxd.egress import EGRESS_PORT, Egress
from sandboxd.errors import BadRequest, Conflict, NotFound, SandboxdError
from sandboxd.ids import new_token
from sandboxd.lifecycle import NOTHING, Command, Replay, State
from sandboxd.runtime.base import base_env
from sandboxd.runtime.runtime import Limits, Machine, MachineSpec, Runtime
from sandboxd.safefs import SafeFiles
from sandboxd.settings import DEFAULT_SNAPSHOT, Settings
from sandboxd.signed import SignedPreviews
from sandboxd.snapshots import Snapshots
from sandboxd.store import SnapshotRecord, Store, now, remove_tree, stamp
from sandboxd.tasks import Supervisor, cancel

log = logging.getLogger(__name__)

# The proxy that lets these names through, beyond the registries.
EgressFor = Callable[[tuple[str, ...]], Egress]


class Engine:
    """Every sandbox of one home. Enter with `async with engine.opened():`."""

    def __init__(self, settings: Settings, runtime: Runtime, egress: EgressFor) -> None:
        self.settings = settings
        self.runtime = runtime
        self.egress = egress
        self.store = Store(settings.home)
        self.snapshots = Snapshots(self.store, runtime.owner)
        self.signed = SignedPreviews()
        self.watchers: list[Watcher] = []
        self.tasks = Supervisor()
        self._boxes: dict[str, Box] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Find everything as it was left; at the end let it run on, to be found again."""
        self.store.open()
        await self.runtime.open()
        await self.snapshots.open()
        async with self.tasks:
            await self._restore()
            self.tasks.spawn(self._watch_time(), "intervals")
            self.tasks.spawn(DiskGuard.of(self).watch(), "disk")
            try:
                yield
            finally:
                await self._let_go()

    async def _let_go(self) -> None:
        """Leave every sandbox to itself and to the next engine."""
        for watcher in self.watchers:
            watcher.let_go()
        for box in self._boxes.values():
            if box.running is not None:
                await cancel(box.running.watch)
                await cancel(box.running.network)
                box.running.machine.detach()
            await self.store.save(box.record)

    # -- looking ------------------------------------------------------------------------------

    def all(self) -> list[Box]:
        """All living sandboxes, oldest first."""
        return [box for box in self._boxes.values() if box.state is not State.DESTROYED]

    def get(self, reference: str) -> Box:
        """By id, then by name. Raises `NotFound`."""
        box = self._boxes.get(reference)
        if box is None:
            box = next((each for each in self.all() if each.record.name == reference), None)
        if box is None:
            raise NotFound(f"Sandbox with ID or name {reference} not found")
        return box

    def get_by_id(self, sandbox_id: str) -> Box | None:
        return self._boxes.get(sandbox_id)

    # -- commands -----------------------------------------------------------------------------

    async def create(self, wish: NewSandbox) -> Box:
        """Make and start a sandbox. Raises `NotFound` (snapshot), `Conflict` (name)."""
        snapshot = self.snapshots.get(wish.snapshot or DEFAULT_SNAPSHOT)
        if wish.name and any(wish.name in {each.record.name, each.id} for each in self.all()):
            raise Conflict(f"Sandbox with name {wish.name} already exists")
        record = new_record(wish, snapshot)
        if wish.ttl:
            record.destroy_at = self.after(wish.ttl)
        box = Box(record)
        self._boxes[record.id] = box
        async with box.lock:
            try:
                await self.store.save(record)
                await self._tell(box, None)
                await self._boot(box)
                await self._enter(box, State.STARTED)
            except BaseException:
                await self._erase(box)
                raise
        snapshot.last_used_at = now()
        return box

    async def start(self, box: Box, command: Command = Command.START) -> None:
        async with self._command(box, command) as working:
            if working is NOTHING:
                return
            box.record.preview_token = new_token()
            await self._boot(box)
            await self._enter(box, State.STARTED)

    async def stop(self, box: Box, *, force: bool = False) -> None:
        async with self._command(box, Command.STOP) as working:
            if working is NOTHING:
                return
            await self._halt(box, force=force)
            box.record.stopped_at = now()
            await self._enter(box, State.STOPPED)
        if box.record.auto_delete == 0:
            await self.delete(box)

    async def delete(self, box: Box) -> None:
        async with self._command(box, Command.DELETE) as working:
            if working is not NOTHING:
                await self._halt(box)
                await self._erase(box)

    async def archive(self, box: Box) -> None:
        async with self._command(box, Command.ARCHIVE) as working:
            if working is not NOTHING:
                await self._enter(box, State.ARCHIVED)

    async def snapshot(self, box: Box, name: str) -> SnapshotRecord:
        """Keep the sandbox's files as a snapshot; a running one is frozen meanwhile."""
        self.snapshots.check_name(name)
        async with self._command(box, Command.SNAPSHOT):
            return await self._take(box, name)

    async def fork(self, box: Box, name: str | None) -> Box:
        """A new sandbox with the same files and settings."""
        async with self._command(box, Command.FORK):
            hidden = f"fork-{uuid.uuid4()}"
            taken = await self._take(box, hidden)
        old = box.record
        try:
            return await self.create(
                NewSandbox(
                    name=name,
                    snapshot=hidden,
                    env=dict(old.env),
                    labels=dict(old.labels),
                    target=old.target,
                    public=old.public,
                    auto_stop=old.auto_stop,
                    auto_archive=old.auto_archive,
                    auto_delete=old.auto_delete,
                    block_network=old.block_network,
                )
            )
        finally:
            await self.snapshots.delete(taken.id)

    async def change(self, box: Box, **values: object) -> None:
        """Set fields of the record that need no work (labels, intervals, public...)."""
        for key, value in values.items():
            setattr(box.record, key, value)
        box.record.updated_at = now()
        await self.store.save(box.record)

    async def resize(self, box: Box, **limits: int) -> None:
        """Change the limits of a stopped sandbox; they hold from its next start."""
        async with self._command(box, Command.RESIZE):
            before = State.STARTED if box.running else State.STOPPED
            if box.running is not None:
                await self._enter(box, before)
                raise BadRequest("Only a stopped sandbox can be resized; stop it first")
            for key, value in limits.items():
                setattr(box.record, key, value)
            await self._enter(box, before)

    async def set_env(self, box: Box, env: dict[str, str]) -> None:
        """Change the variables of all processes started from now on."""
        running = box.running
        if running is not None:
            running.env = {k: v for k, v in running.env.items() if k not in box.record.env} | env
        await self.change(box, env=env)

    async def set_network(self, box: Box, **values: object) -> None:
        """Change what the sandbox may reach, at once."""
        await self.change(box, **values)
        if box.running is not None:
            async with box.lock:
                await cancel(box.running.network)
                box.running.network = None
                await self._open_network(box, box.running)

    async def delete_snapshot(self, reference: str) -> None:
        await self.snapshots.delete(reference)
        await self._collect_layers()

    async def stop_all(self) -> None:
        """Stop every running sandbox, files kept (what Ctrl-C of the server asks for)."""
        async with asyncio.TaskGroup() as group:
            for box in self.all():
                if box.running is not None:
                    group.create_task(self._stop_quietly(box))

    # -- how a command is carried out ---------------------------------------------------------

    @asynccontextmanager
    async def _command(
        self, box: Box, command: Command
    ) -> AsyncGenerator[State | lifecycle.Nothing]:
        async with box.lock:
            if box.state is State.DESTROYED:
                raise NotFound(f"Sandbox with ID or name {box.id} not found")
            working = lifecycle.begin(box.state, command)
            if working in lifecycle.WORKING:
                box.record.was_running = box.running is not None
                await self._enter(box, State(working))
            try:
                yield working
            except Exception as error:
                if box.state in lifecycle.WORKING:
                    await self._fail(box, str(error))
                raise

    async def _boot(self, box: Box) -> None:
        folder = self.store.machine_home(box.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        machine = await self.runtime.create(self._spec(box))
        await self._attach(box, machine, adopted=False)

    async def _attach(self, box: Box, machine: Machine, *, adopted: bool) -> None:
        running = Running(machine, SafeFiles(machine.root, self.runtime.owner))
        box.running = running
        running.watch = self.tasks.spawn(self._watch_machine(box, running), f"machine {box.id}")
        await self._open_network(box, running)
        for watcher in self.watchers:
            await watcher.began(box, adopted=adopted)
        box.record.error = None
        box.record.stopped_at = None
        box.touch()

    async def _open_network(self, box: Box, running: Running) -> None:
        """Serve the filtered proxy inside the machine, unless it may reach nothing at all."""
        running.env = base_env()
        if not box.record.block_network:
            names = tuple(re.split(r"[,\s]+", (box.record.allow_domains or "").strip(", ")))
            egress = self.egress(tuple(name for name in names if name))
            listener = await running.machine.listen(EGRESS_PORT)
            running.network = self.tasks.spawn(
                _serve_egress(egress, listener, box.id), f"egress {box.id}"
            )
            running.env |= egress.env(EGRESS_PORT)
        running.env |= {"DAYTONA_SANDBOX_ID": box.id} | box.record.env

    async def _halt(self, box: Box, *, force: bool = True) -> None:
        running = box.running
        if running is None:
            return
        for watcher in self.watchers:
            await watcher.ending(box, force=force)
        box.running = None
        await cancel(running.watch)
        await cancel(running.network)
        await running.machine.destroy()

    async def _erase(self, box: Box) -> None:
        """Remove everything of the sandbox; its id is never used again."""
        await self._halt(box)
        await asyncio.to_thread(remove_tree, self.store.machine_home(box.id))
        await self.store.forget(box.record)
        self._boxes.pop(box.id, None)
        await self._enter(box, State.DESTROYED)
        await self._collect_layers()

    async def _take(self, box: Box, name: str) -> SnapshotRecord:
        """Snapshot the files, then rest again in the state from before."""
        upper = self.store.machine_home(box.id) / "upper"
        if box.running is None:
            taken = await self.snapshots.take_stopped(name, box.record, upper)
            await self._enter(box, State.STOPPED)
            return taken
        await box.running.machine.freeze()
        try:
            taken = await self.snapshots.take(name, box.record, upper)
        finally:
            await box.running.machine.thaw()
            await self._enter(box, State.STARTED)
        return taken

    async def _enter(self, box: Box, state: State) -> None:
        """Write the state down, then tell those who wait for it."""
        old, box.record.state = box.record.state, state
        box.record.updated_at = now()
        if state is not State.DESTROYED:
            await self.store.save(box.record)
        await self._tell(box, old)

    async def _tell(self, box: Box, old: State | None) -> None:
        for watcher in self.watchers:
            await watcher.changed(box, old)

    async def _fail(self, box: Box, reason: str) -> None:
        await self._halt(box)
        box.record.error = reason or "unknown"
        await self._enter(box, State.ERROR)

    async def _stop_quietly(self, box: Box) -> None:
        try:
            await self.stop(box)
        except SandboxdError as error:
            log.warning("could not stop %s: %s", box.id, error.message)

    async def _collect_layers(self) -> None:
        unused = self.snapshots.unused_layers(box.record for box in self._boxes.values())
        for folder in unused:
            await asyncio.to_thread(remove_tree, folder)

    # -- what happens by itself ---------------------------------------------------------------

    async def _watch_machine(self, box: Box, running: Running) -> None:
        await running.machine.wait_gone()
        async with box.lock:
            if box.running is not running:
                return
            log.warning("sandbox %s: its machine has died", box.id)
            await self._halt(box)
            box.record.error = "The sandbox's machine ended by itself"
            box.record.stopped_at = now()
            await self._enter(box, State.STOPPED)

    async def _watch_time(self) -> None:
        """Carry out the intervals: stop the idle, archive and delete the long stopped."""
        pause = min(5.0, self.settings.minute / 12)
        while True:
            await asyncio.sleep(pause)
            for box in self.all():
                due = intervals.due(
                    box.record,
                    idle=0 if box.busy else time.monotonic() - box.active,
                    minute=self.settings.minute,
                )
                if due is None or box.lock.locked():
                    continue
                log.info("sandbox %s: %s is due", box.id, due.value)
                try:
                    await self._carry_out(box, due)
                except SandboxdError as error:
                    log.warning("sandbox %s: cannot %s: %s", box.id, due.value, error.message)

    async def _carry_out(self, box: Box, command: Command) -> None:
        match command:
            case Command.STOP:
                await self.stop(box)
            case Command.ARCHIVE:
                await self.archive(box)
            case _:
                await self.delete(box)

    # -- after a restart ----------------------------------------------------------------------

    async def _restore(self) -> None:
        for record in self.store.load_sandboxes():
            self._boxes[record.id] = Box(record)
        for folder in (self.store.home / "sandboxes").iterdir():
            if folder.name not in self._boxes:
                await asyncio.to_thread(remove_tree, folder)
        async with asyncio.TaskGroup() as group:
            for box in list(self._boxes.values()):
                group.create_task(self._resume(box))
        await self._collect_layers()

    async def _resume(self, box: Box) -> None:
        """Finish or undo what the last engine was doing with this sandbox."""
        record = box.record
        record.layers = [each for each in record.layers if (self.store.layers / each).is_dir()]
        replay = lifecycle.after_restart(record.state, was_running=record.was_running)
        log.info("sandbox %s was %s: %s", box.id, record.state.value, replay.value)
        async with box.lock:
            machine = None
            if self.store.machine_home(box.id).is_dir():
                machine = await self.runtime.adopt(self._spec(box))
            if machine is not None and replay is not Replay.ADOPT:
                await machine.destroy()
                machine = None
            if replay is Replay.REAP:
                await self._erase(box)
            elif machine is not None:
                await self._adopt(box, machine)
            elif replay is not Replay.KEEP or record.state in lifecycle.WORKING:
                record.stopped_at = now()
                await self._enter(box, State.STOPPED)

    async def _adopt(self, box: Box, machine: Machine) -> None:
        """Go on with a machine that lived on; one that cannot be served is stopped, its files kept."""
        try:
            await machine.thaw()
            await self._attach(box, machine, adopted=True)
            await self._enter(box, State.STARTED)
        except (OSError, SandboxdError) as error:
            # Whatever runs inside was alone with our port; it must not keep the engine from starting.
            log.warning("sandbox %s cannot be adopted and is stopped: %s", box.id, error)
            await self._halt(box)
            await machine.destroy()
            box.record.stopped_at = now()
            await self._enter(box, State.STOPPED)

    # -- small things -------------------------------------------------------------------------

    def _spec(self, box: Box) -> MachineSpec:
        record = box.record
        return MachineSpec(
            id=record.id,
            home=self.store.machine_home(record.id),
            layers=self.snapshots.folders(record.layers),
            env=record.env,
            limits=Limits(cpu=record.cpu, memory=record.memory, disk=record.disk),
        )

    def after(self, minutes: float) -> str:
        """The moment that many minutes from now."""
        return stamp(datetime.now(UTC) + timedelta(seconds=minutes * self.settings.minute))


async def _serve_egress(egress: Egress, listener: socket.socket, sandbox_id: str) -> None:
    """Until cancelled; then nothing listens any more."""
    with listener:
        await egress.serve(listener, sandbox_id)
