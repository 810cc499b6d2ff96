"""kill -9 of the server at random moments of scripted turns and restores: nothing shown is ever lost.

A few kills per database here; `KEELWAY_TEST_KILLS=100` is what script/chaos runs and the README quotes.
"""

import asyncio
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from daytona import AsyncDaytona, DaytonaConfig
from tests.support import fake_model
from tests.support.postgres import Cluster
from tests.support.server import Answer, Server, say_into, wait_idle
from tests.support.zygote import Zygote

from keelway.db.session import Database, database_url
from keelway.fragments.store import Fragment, FragmentStore
from keelway.ids import ProjectId
from keelway.projects.projects import Projects

KILLS = int(os.environ.get("KEELWAY_TEST_KILLS", "8"))
SEED = int(os.environ.get("KEELWAY_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
PHASES = ("write", "command", "restore", "any")
DELAYS = {"write": 0.03, "command": 0.2, "restore": 0.1, "any": 1.0}
"""Most seconds from entering a phase to the kill: about as long as the phase lasts."""
ROOT = "/home/daytona/workspace"

pytestmark = pytest.mark.timeout(180 + 30 * KILLS)


@dataclass
class Seen:
    """What the driver was shown, and where the kills really struck."""

    project: str = ""
    fragments: list[str] = field(default_factory=list[str])
    versions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    struck: Counter[str] = field(default_factory=Counter[str])


@pytest.fixture(params=["sqlite", "postgresql"])
async def server(
    request: pytest.FixtureRequest, home: Path, postgres: Cluster
) -> AsyncIterator[Server]:
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    if request.param == "postgresql":
        url = postgres.new_database().render_as_string(hide_password=False)
        env["KEELWAY_DATABASE_URL"] = url
    with fake_model.running() as model:
        env |= {"KEELWAY_MODEL_BASE_URL": model.url, "KEELWAY_MODEL": "scripted"}
        zygote = Zygote()
        server = Server(home, env=env | {"KEELWAY_MODEL_API_KEY": "none"}, zygote=zygote)
        yield server
        if server.process is not None and server.process.poll() is None:
            await server.stop()
        server.end_engine()
        zygote.close()


def turn(number: int) -> str:
    """A turn of writes and commands, each adding one file whose name is its content."""
    calls: list[tuple[str, dict[str, Any]]] = []
    for step in range(4):
        name = f"{number}-{step}"
        calls.append(("write_file", {"path": f"w/{name}.txt", "content": name}))
        draft = f".cache/{name}"
        command = f"mkdir -p .cache c; sleep 0.1; printf {name} > {draft}; mv {draft} c/{name}.txt"
        calls.append(("run_command", {"command": command}))
    return fake_model.script(*calls)


async def act(client: httpx.AsyncClient, phase: str, number: int, seen: Seen) -> None:
    """Do what the phase is about; the connection breaks when the kill comes."""
    if phase == "restore" and seen.versions:
        version = random.choice(seen.versions)["id"]
        address = f"/api/projects/{seen.project}/fragments/{version}/restore"
        answer = await client.post(address)
        if answer.status_code == 200:
            seen.fragments.append(answer.json()["fragment"]["id"])
        return
    shown = Answer()
    try:
        await say_into(shown, client, seen.project, turn(number))
    finally:
        seen.fragments += [one["id"] for one in shown.fragments]
        seen.versions += [shown.version] if shown.version else []


async def one_round(server: Server, number: int, phase: str, seen: Seen) -> None:
    journal = server.home.with_name(server.home.name + ".journal")
    journal.unlink(missing_ok=True)
    wish: dict[str, Any] = {"phase": phase, "journal": str(journal)}
    wish["nth"] = random.randint(1, 4) if phase in ("write", "command") else 1
    wish["delay"] = random.uniform(0, DELAYS[phase])
    server.env["KEELWAY_TEST_KILL"] = json.dumps(wish)
    await server.start()
    async with server.client() as client:
        if random.random() < 0.2:
            shutil.rmtree(server.home / "repositories", ignore_errors=True)
        try:
            await wait_idle(
                client, seen.project
            )  # an earlier turn goes on, and may be killed again
            await act(client, phase, number, seen)
        except httpx.HTTPError:
            pass  # the kill came
    if not await server.wait_dead(1.5):
        server.kill()
    said = journal.read_text().strip() if journal.exists() else "outside"
    seen.struck[said] += 1


async def test_nothing_that_was_shown_is_lost_and_no_tree_is_wrong(server: Server) -> None:
    print(f"seed {SEED}, {KILLS} kills")
    random.seed(SEED)
    seen = Seen()
    await server.start()
    async with server.client() as client:
        made = await client.post("/api/projects", json={"name": "Kills"})
        seen.project = made.json()["id"]
        await act(client, "write", 0, seen)
    server.kill()
    for number in range(1, KILLS + 1):
        await one_round(server, number, PHASES[number % len(PHASES)], seen)
    print(f"struck {dict(seen.struck)}; {len(seen.fragments)} fragments shown")

    del server.env["KEELWAY_TEST_KILL"]
    await server.start()
    async with server.client() as client:
        await wait_idle(client, seen.project)
        last = Answer()
        await say_into(last, client, seen.project, turn(KILLS + 1))
        assert last.version is not None, "the project does not open again"
        seen.fragments += [one["id"] for one in last.fragments]
    await sandbox_equals_head(server, seen.project)
    await server.stop()
    shutil.rmtree(server.home / "repositories", ignore_errors=True)
    await chain_is_right(server, seen)


async def chain_is_right(server: Server, seen: Seen) -> None:
    """From the database alone: every shown fragment is on the one line, with the tree it must have."""
    url = database_url(server.home, server.env.get("KEELWAY_DATABASE_URL"))
    async with Database(url) as database:
        store = FragmentStore(database, server.home / "repositories")
        project = await Projects(database).get(ProjectId(seen.project))
        head = await store.head(project.key, "main")
        chain: dict[str, Fragment] = {}
        at: Fragment | None = head
        while at is not None:
            chain[at.id] = at
            at = await store.get(project.key, at.parent) if at.parent else None
        assert set(seen.fragments) <= set(chain)
        for fragment in chain.values():
            await step_is_right(store, project.key, fragment, chain)


async def step_is_right(
    store: FragmentStore, project: int, fragment: Fragment, chain: dict[str, Fragment]
) -> None:
    if fragment.kind == "restore":
        assert fragment.restored_from is not None
        assert fragment.tree == chain[fragment.restored_from].tree
        return
    if fragment.parent_id is None:
        return
    changes = await store.compare(project, chain[fragment.parent_id].tree, fragment.tree)
    tree = await store.tree(project, fragment.tree)
    for change in changes:
        assert change.status == "added", (fragment.title, change)
        folder, _, name = change.path.partition("/")
        assert folder in ("w", "c"), change.path
        data = (await store.read(project, [tree[change.path].oid]))[tree[change.path].oid]
        assert data.decode() == name.removesuffix(".txt")


async def sandbox_equals_head(server: Server, project_id: str) -> None:
    """The sandbox's files, hashed inside it by an independent command, are those of the head."""
    endpoint = json.loads((server.home / "sandboxd" / "endpoint.json").read_text())
    async with server.client() as client:
        project = (await client.get(f"/api/projects/{project_id}")).json()
        head = project["activeFragmentId"]
        listed = await client.get(f"/api/projects/{project_id}/fragments/{head}/files")
        wanted = {item["path"] for item in listed.json()["items"]}
        config = DaytonaConfig(api_key=endpoint["key"], api_url=endpoint["url"])
        async with AsyncDaytona(config) as daytona:
            sandbox = await daytona.get(project["daytonaSandboxId"])
            found = await sandbox.process.exec(
                'find w c -type f | while read f; do echo "$f $(cat $f)"; done', cwd=ROOT
            )
    files = dict(line.split() for line in found.result.splitlines())
    assert set(files) == {path for path in wanted if path.startswith(("w/", "c/"))}
    assert all(content == Path(path).stem for path, content in files.items())
    await asyncio.sleep(0)
