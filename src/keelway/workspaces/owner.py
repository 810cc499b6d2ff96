"""Who holds a lease: a process of one boot of one machine, and whether it is dead beyond doubt."""

import os
import time
from functools import cache
from pathlib import Path


@cache
def this() -> str:
    """This process: boot id, pid namespace, pid, and the tick at which it started."""
    pid = os.getpid()
    return f"{_boot()}:{_pids()}:{pid}:{started(pid)}"


def is_dead(name: str) -> bool:
    """Whether `name` ran on this machine since its last start, and runs no more.

    False when that cannot be known from here: another machine, another pid namespace.
    """
    boot, pids, pid, tick = [*name.split(":"), "", "", ""][:4]
    if not pid.isdecimal() or boot != _boot() or pids != _pids():
        return False
    return started(int(pid)) != tick


def boottime() -> float:
    """Seconds since the machine started, sleep included: what no clock change can move."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{os.uname().nodename}-{int(time.time() - boottime()) // 60}"


@cache
def _pids() -> str:
    """The pid namespace: two containers of one machine share the boot id, not the pids."""
    try:
        return Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return ""


def started(pid: int) -> str:
    """The start tick of a process, or an empty text when there is none (a zombie counts as none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
