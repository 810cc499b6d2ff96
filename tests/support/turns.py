"""Turns on a real engine, database and store, driven in process; and what they showed."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.models import Model

from keelway.accounts.accounts import User
from keelway.chat import rows
from keelway.chat.turn import Turn
from keelway.chat.turns import Turns
from keelway.ids import TurnId
from keelway.projects.projects import Project
from tests.support.scripted_model import always
from tests.support.workspaces import OWNER, Bench

PERSON = User(id=OWNER, name="Maya", email=None, role="owner")


@dataclass
class Shown:
    """All that one reader of a turn's stream was sent."""

    chunks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    lines: list[str] = field(default_factory=list[str])

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [chunk for chunk in self.chunks if chunk["type"] == kind]

    def data(self, kind: str) -> list[Any]:
        return [chunk["data"] for chunk in self.of(f"data-{kind}")]

    @property
    def text(self) -> str:
        return "".join(chunk["delta"] for chunk in self.of("text-delta"))

    @property
    def status(self) -> dict[str, Any]:
        """The last run status."""
        return self.data("run-status")[-1]

    @property
    def version(self) -> dict[str, Any] | None:
        return (self.data("version") or [None])[-1]

    def outputs(self) -> list[str]:
        return [str(chunk["output"]) for chunk in self.of("tool-output-available")]


@dataclass
class Conversation:
    """A person, a project, and a server's turns."""

    bench: Bench
    turns: Turns
    project: Project

    async def begin(self, text: str, **more: Any) -> Turn:
        self.project = await self.bench.again(self.project)
        return await self.turns.start(self.project, PERSON, text, **more)

    async def say(self, text: str) -> Shown:
        """One turn from its prompt to its end."""
        return await self.read((await self.begin(text)).id)

    async def read(self, turn: TurnId) -> Shown:
        shown = Shown()
        async for line in self.turns.follow(self.project, turn):
            note(shown, line)
        return shown

    async def messages(self) -> list[dict[str, Any]]:
        return list(await rows.messages(self.bench.database, self.project.key))

    async def files(self) -> dict[str, str]:
        """The newest version's files, as text."""
        head = await self.bench.store.head(self.project.key, "main")
        tree = await self.bench.store.tree(self.project.key, head.tree)
        data = await self.bench.store.read(self.project.key, [each.oid for each in tree.values()])
        return {path: data[each.oid].decode() for path, each in tree.items()}


def note(shown: Shown, line: str) -> None:
    shown.lines.append(line)
    if line.startswith("data: {"):
        shown.chunks.append(json.loads(line[6:]))


@asynccontextmanager
async def talking(
    bench: Bench, model: Model, project: Project | None = None
) -> AsyncGenerator[Conversation]:
    """A server's turns, answered by `model`, in a new project unless one is given."""
    project = project or await bench.new_project()
    async with Turns(
        bench.database,
        bench.store,
        bench.leases,
        bench.workspaces,
        bench.projects,
        bench.settings,
        models=always(model),
    ) as turns:
        yield Conversation(bench, turns, project)
