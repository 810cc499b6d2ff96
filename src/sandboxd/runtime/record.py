"""What a start leaves behind, so that a later server recognises its machine and nothing else."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NAME = "machine.json"


@dataclass(frozen=True, slots=True)
class Record:
    """A machine's PID 1 as the host sees it; `start` is in clock ticks since boot."""

    pid: int
    start: int
    pidns: int
    boot: str
    cgroups: tuple[str, ...] = ()


def of(pid: int, cgroups: tuple[Path, ...] = ()) -> Record:
    """The record of a living process.

    Raises:
        OSError: there is no such process, or its namespaces are not ours to see.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    pidns = os.stat(f"/proc/{pid}/ns/pid").st_ino  # noqa: PTH116 - a magic link
    return Record(pid, _start(pid), pidns, boot, tuple(map(str, cgroups)))


def holds(record: Record) -> bool:
    """Whether the process of this record is still the same one: no reused pid, no other boot."""
    try:
        now = of(record.pid)
    except OSError:
        return False
    return (now.start, now.pidns, now.boot) == (record.start, record.pidns, record.boot)


def save(folder: Path, record: Record) -> None:
    temporary = folder / f".{NAME}"
    temporary.write_text(json.dumps(asdict(record)))
    temporary.chmod(0o600)
    temporary.replace(folder / NAME)


def load(folder: Path) -> Record | None:
    """The record, or None when there is none or it is not one."""
    try:
        found: dict[str, Any] = json.loads((folder / NAME).read_text())
        pid, start, pidns = int(found["pid"]), int(found["start"]), int(found["pidns"])
        return Record(pid, start, pidns, str(found["boot"]), tuple(map(str, found["cgroups"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _start(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rindex(")") + 2 :].split(" ")[19])
