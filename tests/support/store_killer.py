"""Kills writers of one project, again and again; run as a program of its own, because it forks.

Two writers append to one branch and one process folds, until each is killed: at a random moment, or by
itself at a named fault point. In a part of the rounds the repositories are removed before the next one.
A writer notes what it is about to do, and what it was told; the test reads those journals.

    python -m tests.support.store_killer URL HOME PROJECT SEED KILLS
"""

import asyncio
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from keelway import faults
from keelway.db.session import Database
from keelway.fragments import fold as folding
from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.store import Describe, FragmentStore
from keelway.ids import TurnId

for driver in ("aiosqlite", "psycopg", "sqlalchemy.dialects.postgresql"):
    importlib.import_module(driver)  # before forking, so that every child starts at once

POINTS: tuple[faults.Point, ...] = (
    "store.before_commit",
    "store.after_commit",
    "cache.before_mark",
)


@dataclass
class Child:
    """A process with some time left to live, counted from when its sign appears."""

    pid: int
    sign: Path
    seconds: float
    since: float | None = None

    def over(self) -> bool:
        """It killed itself, or its time has come; then it is gone."""
        if os.waitpid(self.pid, os.WNOHANG)[0]:
            return True
        if self.since is None:
            self.since = time.monotonic() if self.sign.exists() else None
            return False
        if time.monotonic() < self.since + self.seconds:
            return False
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return True


def main(url: str, home: str, project: str, seed: str, kills: str) -> None:
    chance = random.Random(int(seed))
    folder = Path(home)
    born = removed = 0
    living: dict[str, Child] = {}
    while born < int(kills) or living:
        for role, child in list(living.items()):
            if child.over():
                del living[role]
                if chance.random() < 0.3:  # under whoever is still alive
                    shutil.rmtree(folder / "repositories", ignore_errors=True)
                    removed += 1
        for role in ("writer-0", "writer-1", "folder"):
            if role not in living and born < int(kills):
                name = f"{role}-{born}"
                born += 1
                fault = (chance.choice(POINTS), chance.randint(1, 6))
                at_point = fault if chance.random() < 0.4 and role != "folder" else None
                work = (url, folder, int(project), role, name, chance.random(), at_point)
                longest = 4.0 if role == "folder" else 0.8
                sign = folder / f"journal-{name}"
                living[role] = Child(_fork(*work), sign, chance.uniform(0.01, longest))
        time.sleep(0.003)
    print(json.dumps({"kills": born, "repositories_removed": removed}))


def _fork(
    url: str,
    home: Path,
    project: int,
    role: str,
    name: str,
    seed: float,
    fault: tuple[faults.Point, int] | None,
) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        if fault is not None:
            _die_at(*fault)
        work = folder if role == "folder" else writer
        asyncio.run(work(url, home, project, name, random.Random(seed)))
    except BaseException as error:  # noqa: BLE001  # a child must never fall into the parent's loop
        with (home / "failures").open("a") as file:
            file.write(f"{role}: {error!r} {error.__cause__!r}\n")
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _die_at(point: faults.Point, times: int) -> None:
    left = times

    def hook(name: faults.Point) -> None:
        nonlocal left
        left -= name == point
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.hook = hook


async def writer(url: str, home: Path, project: int, name: str, chance: random.Random) -> None:
    async with Database(make_url(url)) as database:
        store = FragmentStore(database, home / "repositories")
        await store.head(project, "main")
        journal = os.open(home / f"journal-{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        number = 0
        while True:
            call = f"{name}-{number}"
            changes = some_changes(chance)
            note(journal, {"call": call, "changes": [as_json(change) for change in changes]})
            describe = Describe("agent", "Edit", turn_id=TurnId("turn"), tool_call_id=call)
            fragment = await store.append(project, "main", changes, describe, fence=0)
            if fragment is not None and chance.random() < 0.1:  # a call that is run again
                again = await store.append(project, "main", changes, describe, fence=0)
                assert again == fragment
            told = None if fragment is None else fragment.sha
            note(journal, {"call": call, "told": told})
            number += 1


async def folder(url: str, home: Path, project: int, name: str, chance: random.Random) -> None:
    folding.PACKS, folding.TAIL = (8, 3, 3), 4
    async with Database(make_url(url)) as database:
        store = FragmentStore(database, home / "repositories")
        (home / f"journal-{name}").touch()
        while True:
            if not await store.fold(project):
                await asyncio.sleep(0.01)


def some_changes(chance: random.Random) -> list[Change]:
    """Few paths and few contents, so that content comes back and lies in several packs."""
    path = chance.choice(["a.txt", "b.txt", "src/c.ts", "src/deep/d.ts", "e/f/g.css"])
    if chance.random() < 0.15:
        return [Delete(path)]
    size = chance.choice([1, 10, 200])
    text = "".join(f"line {chance.randint(0, 3)}\n" for _ in range(size))
    mode = chance.choice([0o100644, 0o100644, 0o100755])
    return [Write(path, text.encode(), mode)]


def as_json(change: Change) -> list[Any]:
    if isinstance(change, Delete):
        return [change.path]
    return [change.path, change.data.decode(), change.mode]


def note(file: int, line: dict[str, Any]) -> None:
    os.write(file, (json.dumps(line) + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
