"""Whatever is done to a project's files, in any order: the store agrees with a plain dictionary."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy.engine import URL
from tests.support.postgres import Cluster
from tests.support.store import EDIT, START, files, new_project

from keelway.db.migrate import upgrade
from keelway.db.session import Database, database_url
from keelway.fragments import fold as folding
from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.errors import Fenced, PathClash
from keelway.fragments.store import Describe, Fragment, FragmentStore
from keelway.fragments.tree import EXECUTABLE, FILE, LINK

Model = dict[str, tuple[int, bytes]]

PATHS = st.sampled_from(["a", "a/b", "a/b/c", "d.txt", "src/x.ts", "src/y.ts", "src/é.ts", "z"])
CONTENT = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"", b"same\n", b"\0bin", b"x\n" * 99])
)
MODES = st.sampled_from([FILE, EXECUTABLE])


def clashes(model: Model, path: str) -> bool:
    above = any(path.startswith(f"{other}/") for other in model)
    return above or any(other.startswith(f"{path}/") for other in model)


class Versions(RuleBasedStateMachine):
    """Every rule changes store and model alike; after each, the newest and one old version agree."""

    postgres: Cluster | None = None

    @initialize()
    def start(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="kw-", dir="/tmp"))
        self.runner = asyncio.Runner()
        self.run(self._open(new=True))

    async def _open(self, *, new: bool = False) -> None:
        if new:
            self.url: URL = self._new_url()
            if self.postgres is None:
                await upgrade(self.url)
        self.database = Database(self.url)
        self.store = FragmentStore(self.database, self.home / "repositories")
        if new:
            self.project = await new_project(self.database)
            self.model: Model = {"start": (FILE, b"start\n")}
            head = await self.store.initialise(self.project, [Write("start", b"start\n")], START)
            self.past: list[tuple[Fragment, Model]] = [(head, dict(self.model))]

    def _new_url(self) -> URL:
        if self.postgres is not None:
            return self.postgres.new_database()
        return database_url(self.home, None)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def change(self, changes: list[Change], after: Model) -> None:
        made = self.run(self.store.append(self.project, "main", changes, EDIT, fence=0))
        assert (made is None) == (after == self.model)
        self.model = after
        if made is not None:
            self.past.append((made, dict(after)))

    @rule(path=PATHS, data=CONTENT, mode=MODES)
    def write(self, path: str, data: bytes, mode: int) -> None:
        if clashes(self.model, path):
            with pytest.raises(PathClash):
                self.change([Write(path, data, mode)], self.model)
        else:
            self.change([Write(path, data, mode)], {**self.model, path: (mode, data)})

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        left = {
            other: value
            for other, value in self.model.items()
            if other != path and not other.startswith(f"{path}/")
        }
        self.change([Delete(path)], left)

    @rule(path=PATHS, to=PATHS)
    def rename(self, path: str, to: str) -> None:
        if path not in self.model or path == to:
            return
        left = {other: value for other, value in self.model.items() if other != path}
        if clashes(left, to):
            return
        mode, data = self.model[path]
        self.change([Delete(path), Write(to, data, mode)], {**left, to: (mode, data)})

    @rule(path=PATHS, mode=MODES)
    def chmod(self, path: str, mode: int) -> None:
        before = self.model.get(path)
        if before is not None and before[0] != LINK:
            after = {**self.model, path: (mode, before[1])}
            self.change([Write(path, before[1], mode)], after)

    @rule(path=st.sampled_from(["link", "src/link"]), to=st.sampled_from([b"d.txt", b"./z"]))
    def link(self, path: str, to: bytes) -> None:
        if not clashes(self.model, path):
            after = {**self.model, path: (LINK, to)}
            self.change([Write(path, to, LINK)], after)

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        old, model = data.draw(st.sampled_from(self.past))
        describe = Describe("restore", "Back", restored_from=old.id, version=True)
        made = self.run(self.store.append_tree(self.project, "main", old.tree, describe, fence=0))
        assert made.tree == old.tree
        self.model = dict(model)
        self.past.append((made, dict(model)))

    @rule()
    def drop_cache(self) -> None:
        self.run(self.store.drop_cache(self.project))

    @rule()
    def remove_repositories_by_hand(self) -> None:
        shutil.rmtree(self.home / "repositories", ignore_errors=True)

    @rule()
    def fold(self) -> None:
        self.run(self.store.fold(self.project))

    @rule()
    def write_with_a_stale_fence(self) -> None:
        with pytest.raises(Fenced):
            self.run(self.store.append(self.project, "main", [Write("q", b"stale")], EDIT, fence=7))

    @rule()
    def reopen(self) -> None:
        self.run(self._reopen())

    async def _reopen(self) -> None:
        self.store.close()
        await self.database.__aexit__(None, None, None)
        await self._open()

    @invariant()
    def the_newest_and_an_old_version_agree(self) -> None:
        if not hasattr(self, "past"):
            return
        head = self.run(self.store.head(self.project, "main"))
        assert head.id == self.past[-1][0].id
        for fragment, model in (self.past[-1], self.past[len(self.past) // 2]):
            assert self.run(files(self.store, self.project, fragment.tree)) == model

    def teardown(self) -> None:
        if hasattr(self, "past"):
            self.run(self._close())
            self.runner.close()
            shutil.rmtree(self.home, ignore_errors=True)

    async def _close(self) -> None:
        shutil.rmtree(self.home / "repositories", ignore_errors=True)
        for fragment, model in self.past:
            assert await files(self.store, self.project, fragment.tree) == model
        numbers = [each.number for each in await self.store.page(self.project, limit=1000)]
        assert numbers == list(range(len(numbers), 0, -1))
        self.store.close()
        await self.database.__aexit__(None, None, None)


EXAMPLES = int(os.environ.get("KEELWAY_EXAMPLES", "8"))
PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


@pytest.fixture(autouse=True)
def small_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "PACKS", (4, 2, 2))
    monkeypatch.setattr(folding, "TAIL", 2)


def test_versions_on_sqlite() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Versions, settings=PROFILE)


def test_versions_on_postgres(postgres: Cluster) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    class OnPostgres(Versions):
        pass

    OnPostgres.postgres = postgres
    run_state_machine_as_test(OnPostgres, settings=PROFILE)
