"""A server's turns in a process of its own, which SIGKILLs itself at the nth time it passes a named point.

It begins one turn and follows it; every line that a reader was sent is in the journal before the next one
is read. The point `shown:WORD` means: as soon as a line with that word was sent.
"""

import asyncio
import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from keelway import faults
from keelway.db.session import Database, database_url
from keelway.ids import ProjectId
from tests.support.engine import Engine
from tests.support.scripted_model import Call, Move, scripted
from tests.support.turns import talking
from tests.support.workspaces import bench


@dataclass(frozen=True, slots=True)
class Wish:
    """What to do, and where to die."""

    url: str
    key: str
    home: str
    project: str
    moves: list[Any]
    prompt: str
    point: str
    nth: int
    journal: str


def script(moves: list[Any]) -> list[Move]:
    """Moves as they come out of JSON: a text, or a call's fields."""
    return [move if isinstance(move, str) else Call(**move) for move in moves]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killer:
    """Counts how often one point was passed."""

    def __init__(self, point: str, nth: int) -> None:
        self.point, self.left = point, nth

    def __call__(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                die()


async def main(wish: Wish) -> None:
    engine = Engine(wish.url, wish.key, Path(wish.home), cast(Any, None))
    faults.hook = Killer(wish.point, wish.nth)
    word = wish.point.partition(":")[2] if wish.point.startswith("shown:") else None
    home = Path(wish.home)
    async with (
        Database(database_url(home, None)) as database,
        bench(engine, database, home) as server,
    ):
        project = await server.projects.get(ProjectId(wish.project))
        async with talking(server, scripted(*script(wish.moves), pace=0.01), project) as person:
            turn = await person.begin(wish.prompt)
            with Path(wish.journal).open("a") as journal:
                async for line in person.turns.follow(project, turn.id):
                    journal.write(line)
                    journal.flush()
                    if word is not None and word in line:
                        die()


def _child(wish: Wish) -> None:
    asyncio.run(main(wish))


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    [__name__]
)  # importing everything takes seconds, forking does not


def run(wish: Wish) -> int | None:
    """In a process of its own; its exit status, -9 when it killed itself, None when it still runs."""
    process = _processes.Process(target=_child, args=(wish,))
    process.start()
    process.join(120)
    if process.exitcode is None:
        process.kill()
    return process.exitcode
