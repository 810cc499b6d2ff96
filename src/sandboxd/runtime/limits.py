"""Upper bounds by cgroups where this host lets us make some, else by each process's own limits.

What works is found by doing it: a controller counts when a group could be made, limited and removed.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from sandboxd.runtime.runtime import Limits

GIB = 1 << 30
PARENT = "sandboxd"
PERIOD = 100_000  # µs of a CPU share's period
WANTED = ("cpu", "memory", "pids", "freezer")


@dataclass(frozen=True, slots=True)
class Cage:
    """The cgroups of one machine: a folder per controller (v1), or one for all (v2)."""

    folders: tuple[Path, ...] = ()

    @property
    def can_freeze(self) -> bool:
        return any(_freezer(folder) is not None for folder in self.folders)

    def freeze(self, frozen: bool, seconds: float = 5) -> None:
        """Stop or continue every process at once.

        Raises:
            TimeoutError: a process did not stop in time; all continue.
        """
        found = next(filter(None, map(_freezer, self.folders)))
        path, words = found
        path.write_text(words[frozen])
        deadline = time.monotonic() + seconds
        while not _is_settled(path, frozen):
            if time.monotonic() > deadline:
                path.write_text(words[False])
                raise TimeoutError("a process could not be frozen")
            time.sleep(0.001)

    def remove(self) -> None:
        """Remove the groups, once their processes are gone."""
        for folder in self.folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:  # the last process is still being taken down
                    time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Limiter:
    """What this host offers: `groups` maps a controller to the folder that holds our groups."""

    version: int = 0  # 0: no cgroups
    groups: dict[str, Path] = field(default_factory=dict[str, Path])

    def cage(self, name: str, limits: Limits) -> Cage:
        """Groups with these limits, empty of processes."""
        folders: list[Path] = []
        for controller, parent in self.groups.items():
            folder = parent / name
            if folder not in folders:
                folder.mkdir(exist_ok=True)
                folders.append(folder)
            for file, value in _settings(self.version, controller, limits):
                (folder / file).write_text(value)
        return Cage(tuple(folders))

    def admit(self, cage: Cage, pid: int) -> None:
        for folder in cage.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def per_process(self, limits: Limits) -> tuple[int, int]:
        """RLIMIT_NPROC and RLIMIT_DATA in bytes for what no group bounds; 0 for none."""
        processes = 0 if "pids" in self.groups or not _counts_per_namespace() else limits.processes
        return processes, 0 if "memory" in self.groups else limits.memory * GIB


def find() -> Limiter:
    """The strongest limiter that works here; makes the parent groups."""
    for version, candidates in ((2, _unified()), (1, _separate())):
        groups = {
            name: parent for name, parent in candidates.items() if _works(version, name, parent)
        }
        if {"memory", "pids"} & groups.keys():
            return Limiter(version, groups)
    return Limiter()


def _settings(version: int, controller: str, limits: Limits) -> list[tuple[str, str]]:
    memory, quota = str(limits.memory * GIB), str(limits.cpu * PERIOD)
    table = {
        (1, "cpu"): [("cpu.cfs_period_us", str(PERIOD)), ("cpu.cfs_quota_us", quota)],
        (1, "memory"): [("memory.limit_in_bytes", memory)],
        (1, "pids"): [("pids.max", str(limits.processes))],
        (2, "cpu"): [("cpu.max", f"{quota} {PERIOD}")],
        (2, "memory"): [("memory.max", memory)],
        (2, "pids"): [("pids.max", str(limits.processes))],
    }
    return table.get((version, controller), [])


def _works(version: int, controller: str, parent: Path) -> bool:
    probe = parent / f"probe-{os.getpid()}-{time.monotonic_ns()}"
    try:
        parent.mkdir(exist_ok=True)
        probe.mkdir()
    except OSError:
        return False
    try:
        for file, value in _settings(version, controller, Limits()):
            (probe / file).write_text(value)
    except OSError:
        return False
    finally:
        probe.rmdir()
    return True


def _separate() -> dict[str, Path]:
    """Version 1: each controller has a mount of its own."""
    found: dict[str, Path] = {}
    for mount, kind, options in _mounts():
        if kind == "cgroup":
            found |= {name: mount / PARENT for name in WANTED if name in options}
    return found


def _unified() -> dict[str, Path]:
    """Version 2: below the top as root, below our own delegated group as an ordinary user."""
    mount = next((mount for mount, kind, _ in _mounts() if kind == "cgroup2"), None)
    if mount is None:
        return {}
    base = mount if os.geteuid() == 0 else _delegated(mount)
    if base is None:
        return {}
    try:
        offered = set((base / "cgroup.controllers").read_text().split()) & set(WANTED)
        if not offered:
            return {}
        words = " ".join(f"+{name}" for name in sorted(offered))
        (base / "cgroup.subtree_control").write_text(words)
        (base / PARENT).mkdir(exist_ok=True)
        (base / PARENT / "cgroup.subtree_control").write_text(words)
    except OSError:
        return {}
    return dict.fromkeys(sorted(offered), base / PARENT)


def _delegated(mount: Path) -> Path | None:
    """Our own group when we may write to it; we move to a leaf of it, as version 2 demands."""
    line = next((line for line in _lines("/proc/self/cgroup") if line.startswith("0::")), None)
    if line is None:
        return None
    own = mount / line[4:]
    if own.name == "sandboxd-server":
        return own.parent
    if not os.access(own, os.W_OK):
        return None
    try:
        (own / "sandboxd-server").mkdir(exist_ok=True)
        (own / "sandboxd-server" / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        return None
    return own


def _mounts() -> list[tuple[Path, str, set[str]]]:
    found: list[tuple[Path, str, set[str]]] = []
    for line in _lines("/proc/self/mountinfo"):
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        found.append((Path(left.split(" ")[4]), kind, set(options.split(","))))
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _freezer(folder: Path) -> tuple[Path, tuple[str, str]] | None:
    if (folder / "cgroup.freeze").exists():
        return folder / "cgroup.freeze", ("0", "1")
    if (folder / "freezer.state").exists():
        return folder / "freezer.state", ("THAWED", "FROZEN")
    return None


def _is_settled(path: Path, frozen: bool) -> bool:
    if path.name == "freezer.state":
        return path.read_text().strip() == ("FROZEN" if frozen else "THAWED")
    return f"frozen {int(frozen)}" in (path.parent / "cgroup.events").read_text()


def _counts_per_namespace() -> bool:
    """Since 5.14 RLIMIT_NPROC counts inside each user namespace; before, neighbours share one count."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)
