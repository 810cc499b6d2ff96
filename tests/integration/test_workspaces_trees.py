"""Any tree survives checkout, capture and comparison; a busy sandbox never makes a fragment lie."""

import asyncio
import random
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.engine import Engine
from tests.support.workspaces import PERSON, Bench, bench, quiet, step

from keelway.db.session import Database
from keelway.fragments.build import Write
from keelway.fragments.tree import Tree
from keelway.workspaces.capture import blob
from keelway.workspaces.checkout import differences
from keelway.workspaces.errors import BadPattern
from keelway.workspaces.manifest import ROOT
from keelway.workspaces.values import FileRow, Match
from keelway.workspaces.workspace import Workspace

NAMES = (
    "a",
    "b",
    "src",
    "deep",
    "x y",
    "é",
    "q'\"",
    "$(z)",
    "-n",
    "*.txt",
    "naïve",
    "README.md",
    "🚢",
)
TARGETS = (b"a", b"src/a", b"./b", b"x y/-n")


@pytest.fixture
async def here(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


def some_tree(chance: random.Random) -> list[Write]:
    """Files, folders, links and modes at random; no file where a folder is."""
    files: dict[str, Write] = {}
    for _ in range(chance.randint(1, 25)):
        path = "/".join(chance.choice(NAMES) for _ in range(chance.randint(1, 3)))
        parents = {path.rsplit("/", n)[0] for n in range(1, path.count("/") + 1)}
        if path in files or parents & files.keys():
            continue
        if any(other.startswith(f"{path}/") for other in files):
            continue
        kind = chance.random()
        if kind < 0.15:
            files[path] = Write(path, chance.choice(TARGETS), 0o120000)
        else:
            data = chance.randbytes(chance.choice((0, 1, 30, 70_000)))
            files[path] = Write(path, data, 0o100755 if kind < 0.3 else 0o100644)
    return list(files.values())


async def spoiled(here: Bench, workspace: Workspace, tree: Tree) -> list[str]:
    digests = await here.workspaces.digests.of(workspace.project.key, tree.values())
    return await differences(workspace.machine(), tree, digests)


async def test_any_version_can_follow_any_other_in_the_sandbox(here: Bench) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    project = await here.new_project(some_tree(chance))
    versions = [await here.store.get(project.key, "v1")]
    for turn in range(6):
        async with here.opened(project) as workspace:
            wanted = some_tree(chance)
            script = ["find . -mindepth 1 -delete"]
            for file in wanted:
                path = shlex.quote(f"./{file.path}")
                script.append(f'mkdir -p "$(dirname {path})"')
                if file.mode == 0o120000:
                    script.append(f"ln -s {shlex.quote(file.data.decode())} {path}")
                    continue
                await workspace.machine().write({f"/tmp/f/{blob(file.data)}": file.data})
                script.append(f"cp --no-preserve=mode /tmp/f/{blob(file.data)} {path}")
                script += [f"chmod +x {path}"] if file.mode == 0o100755 else []
            ran = await workspace.run("\n".join(script), step(f"c{turn}"), output=quiet)
            assert ran.exit_code == 0, ran.output
            expected = {file.path: (file.mode, blob(file.data)) for file in wanted}
            found = {path: (entry.mode, entry.oid) for path, entry in workspace.tree.items()}
            assert found == expected
            assert await spoiled(here, workspace, workspace.tree) == []
            versions.append(workspace.head)
    for _ in range(6):
        target = chance.choice(versions)
        done = await here.workspaces.restore(await here.again(project), target, PERSON)
        assert done.fragment.tree == target.tree
        assert done.saved is None
        async with here.opened(project) as workspace:
            assert await spoiled(here, workspace, workspace.tree) == []


async def test_a_fragment_holds_what_was_hashed_while_a_process_keeps_writing(here: Bench) -> None:
    project = await here.new_project([Write("a.txt", b"a\n")])
    async with here.opened(project) as workspace:
        sandbox = workspace.machine()
        await sandbox.start_session("busy")
        await sandbox.launch(
            "busy",
            f"cd {ROOT} && while :; do head -c $((RANDOM * 3)) /dev/urandom > busy.bin; "
            "ln -sfn a.txt l; rm -f p; mkfifo p; rm -f gone; touch gone; done",
        )
        for number in range(5):
            await asyncio.sleep(0.05)
            made = await workspace.capture(step(f"c{number}"))
            if made is not None:
                tree = await here.store.tree(project.key, made.tree)
                for path, data in (
                    await here.store.read(project.key, [e.oid for e in tree.values()])
                ).items():
                    assert blob(data) == path
                assert set(tree) <= {"a.txt", "busy.bin", "l", "gone"}
                assert tree["a.txt"].oid == blob(b"a\n")


async def test_a_file_written_within_the_same_tick_is_not_missed(here: Bench) -> None:
    project = await here.new_project([Write("a.txt", b"0\n")])
    async with here.opened(project) as workspace:
        sandbox = workspace.machine()
        for number in range(12):
            same_size = f"{number:04}"
            await sandbox.check(f"cd {ROOT} && printf {same_size} > a.txt")
            await workspace.capture(step(f"c{number}"))
            await sandbox.check(f"cd {ROOT} && printf x{same_size[1:]} > a.txt")
            await workspace.capture(step(f"d{number}"))
            assert workspace.tree["a.txt"].oid == blob(f"x{same_size[1:]}".encode())


async def test_files_are_listed_and_searched_as_they_are_now(here: Bench) -> None:
    project = await here.new_project(
        [
            Write("src/a.ts", b"const one = 1\nlet two\n"),
            Write("raw", b"two\0"),
            Write("-x", b"two"),
        ]
    )
    async with here.opened(project) as workspace:
        await workspace.machine().check(
            f"cd {ROOT} && mkdir -p node_modules dist && echo two | tee node_modules/n dist/d .env > new.txt"
        )
        rows = await workspace.list_files()
        assert [row.path for row in rows] == ["-x", "new.txt", "raw", "src/a.ts"]
        assert await workspace.list_files("src") == [FileRow("src/a.ts", 22, 0o100644)]
        assert sorted(await workspace.search("tw[o]"), key=lambda m: m.path) == [
            Match("-x", 1, "two"),
            Match("new.txt", 1, "two"),
            Match("src/a.ts", 2, "let two"),
        ]
        assert await workspace.search("two", "src") == [Match("src/a.ts", 2, "let two")]
        assert await workspace.search("nothing at all") == []
        assert await workspace.search("two", "no/such/folder") == []
        with pytest.raises(BadPattern):
            await workspace.search("(")


async def test_checks_name_what_is_wrong_and_pass_when_it_is_mended(here: Bench) -> None:
    project = await here.new_project()
    async with here.opened(project) as workspace:
        good = await workspace.check()
        assert [(one.name, one.passed) for one in good] == [
            ("structure", True),
            ("packages", True),
            ("types", True),
            ("dev server", True),
            ("page", True),
        ], good

        await workspace.apply(
            [
                Write(
                    "src/App.tsx",
                    b"export default function App() { const n: number = 'x'; return n }\n",
                )
            ],
            step("c1"),
        )
        types = {one.name: one for one in await workspace.check()}["types"]
        assert not types.passed
        assert "src/App.tsx(1," in types.message

        await workspace.apply(
            [Write("src/App.tsx", b"export default function App( {\n")], step("c2")
        )
        page = {one.name: one for one in await workspace.check()}["page"]
        assert not page.passed
        assert "App.tsx" in page.message

        await workspace.apply(
            [Write("src/App.tsx", b"export default function App() { return 1 }\n")], step("c3")
        )
        assert all(one.passed for one in await workspace.check())
