"""The import itself: project by project, each written beside its place, verified, then switched over.

A project that is here already is planned first, without writing: the same commits mean that there is
nothing to do. One that was worked on since is never touched.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from keelway import faults
from keelway.db import models
from keelway.db.session import Database
from keelway.errors import Conflict, KeelwayError
from keelway.fragments import rows
from keelway.fragments.build import Write, plain
from keelway.fragments.folders import folder
from keelway.fragments.importing import Chain, Made, Past, Staged, verify
from keelway.fragments.repositories import Repositories
from keelway.fragments.store import FragmentStore
from keelway.fragments.tree import TreeReader
from keelway.ids import new_id
from keelway.legacy import records, values
from keelway.legacy.beside import Beside, clear, holds, move, write
from keelway.legacy.here import Here, IdsTaken, decide, find, refuse_taken, shas
from keelway.legacy.people import People
from keelway.legacy.plan import ASSUMED, Base, Plan, Version, derived
from keelway.legacy.report import ProjectReport, Report
from keelway.legacy.source import Problems, Row, Source
from keelway.legacy.trouble import BAD, under_all
from keelway.projects.projects import STAGED

FORGET = 8 * 1024 * 1024
"""Bytes of content after which a plan lets go of them."""


class ProjectMoved(Conflict):
    """Somebody worked on the project while its history was being replaced."""


Progress = Callable[[int, int, str], None]
"""Told versions done, versions in all, and the project's name."""


def _silent(_done: int, _total: int, _what: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Options:
    """`write` False: only say what would happen. `check`: compare what is here with the source."""

    base: Base
    write: bool = True
    check: bool = False
    only: tuple[str, ...] = ()
    base_named: Callable[[str], Base | None] = lambda _: None
    """The base that a project says it was laid on, when it is compared later."""


class Importer:
    """One run over one source. `run` fills the report; the caller saves it."""

    def __init__(
        self,
        database: Database,
        repositories: Path,
        source: Source,
        people: People,
        options: Options,
        progress: Progress = _silent,
    ) -> None:
        self.database = database
        self.source = source
        self.people = people
        self.options = options
        self.progress = progress
        self.report = Report(source.name)
        self.found = Problems()
        self._repositories = Repositories(database, repositories)
        self._store = FragmentStore(database, repositories)
        self._trees = TreeReader()
        self._versions: dict[str, int] = {}
        self._done = 0
        self._total = 0

    async def run(self) -> Report:
        """Raises OwnerUnknown."""
        if self.options.write:
            await self._sweep()
        await self.people.bring(write=self.options.write)
        if self.options.check and self.people.missing:
            self.found.append(
                f"{self.people.missing} people, teams or memberships of the source are not here."
            )
        projects = list(self._projects())
        self._total = sum(self._count(row.get("id") or "") for row in projects)
        for row in projects:
            await self._project(row)
        if self.options.write:
            await self._repositories.forget_staged()
        self.report.problems = [
            *self.source.problems.told(), *self.people.problems.told(), *self.found.told(),
        ]  # fmt: skip
        self.report.finished_at = datetime.now(UTC)
        self._repositories.close()
        self._store.close()
        return self.report

    # Which

    def _projects(self) -> Iterator[Row]:
        seen: set[str] = set()
        problems = self.found
        for row in self.source.rows("Project"):
            old = row.get("id") or ""
            if not values.storable(old) or old.startswith(STAGED):
                problems.append("Project: a row has no id that can be kept; it was left out.")
            elif old in seen:
                problems.append(f"Project: two rows have the id {old}; the first was taken.")
            else:
                seen.add(old)
                if not self.options.only or old in self.options.only:
                    yield row
        for table in ("V2Fragment", "GitFragment", "V2Message", "Message"):
            counted = self.source.counts(table)
            if table == "V2Fragment":
                self._versions = {old: counted.get(old, 0) for old in seen}
            lost = sum(count for old, count in counted.items() if (old or "") not in seen)
            if lost:
                problems.append(f"{table}: {lost} rows belong to no project and were left out.")
        for wanted in self.options.only:
            if wanted not in seen:
                problems.append(f"There is no project {wanted} in the source.")

    def _count(self, project: str) -> int:
        return self._versions.get(project, 0)

    # One project

    async def _project(self, row: Row) -> None:
        name = plain(row.get("name") or "").strip() or "Untitled"
        out = ProjectReport(row.get("id") or "", name)
        at = self._done
        self.progress(self._done, self._total, name)
        try:
            await self._bring(row, out)
        except BaseException as error:
            if not isinstance(error, BAD) or under_all(error):
                out.lines.close()
                raise
            said = error.message if isinstance(error, KeelwayError) else type(error).__name__
            out.reset()
            out.status = "failed"
            out.notes.append(
                f"What is here could not be compared: {said}"
                if self.options.check
                else f"It was not brought over: {said} What was here before is untouched."
            )
            if self.options.write:
                await self._sweep()
        self._done = at + self._count(out.id)
        self.report.close_project(out)

    async def _bring(self, row: Row, out: ProjectReport) -> None:
        here = await find(self.database, out.id)
        if not self.options.write or self.options.check or here is not None:
            await self._compare(row, here, out)
            if not self.options.write or self.options.check:
                return
            if out.status != "imported":
                if here is not None and out.status == "unchanged":
                    await self._publish(here.key, out)
                return
            out.reset()
        taken: dict[str, str] = {}
        base = await self._base(row, here)
        while True:
            plan = Plan(self.source, row, base, taken)
            try:
                await self._write(plan, here, out)
            except IdsTaken as error:
                await self._sweep()
                out.reset()
                taken |= {old: plan.derived(old) for old in error.ids}
                continue
            break

    async def _compare(self, row: Row, here: Here | None, out: ProjectReport) -> None:
        """Plan without writing; sets the status to what is here or to what would happen."""
        plan = Plan(self.source, row, await self._base(row, here), await self._taken(row, here))
        known = await shas(self.database, here)
        chain, size, same = Chain(), 0, True
        trees: dict[str, str] = {}
        repository = None
        if here is not None and self.options.check:
            cache = await self._repositories.cache(here.key)
            repository = await cache.at_least(here.last_seq)
        last: Made | None = None
        for version in plan.versions():
            past = _restoring(version.past, trees)
            last = chain.add(past)
            trees[past.id] = last.tree
            same = same and last.commit in known
            self._say(version, last, out)
            if same and repository is not None:
                verify(repository, self._trees, past, last, version.expected)
            size += sum(len(change.data) for change in past.changes if isinstance(change, Write))
            if size > FORGET:
                chain.forget()
                size = 0
        found, out.messages = records.digest(plan)
        self._finish(plan, out)
        if not self.options.check:
            decide(out, here, same, found, last)
            return
        if here is not None and repository is not None:
            await self._repositories.drop(here.key)  # a copy, made to be looked at
        same = same and here is not None and here.known is not None and here.known.digest == found
        if same and here is not None and await holds(self.database, plan, here.key):
            out.status = "unchanged"
        else:
            out.status = "attention"
            out.notes.append("What is here is not what the old system holds now.")

    async def _base(self, row: Row, here: Here | None) -> Base:
        """What to lay under a project: what lies there already, unless another base is asked for now.

        Its files are read from here: the bundled template may be another one since.
        """
        wanted = self.options.base
        if here is None or here.known is None:
            return wanted
        named = here.known.base.removesuffix(ASSUMED)
        if not self.options.check and (named != wanted.name or not wanted.files):
            return wanted
        if named == here.known.base:
            return self.options.base_named(named) or wanted
        first = derived(row.get("id") or "", "base")
        return Base(named, await self._files_of(here.key, first))

    async def _files_of(self, key: int, fragment: str) -> tuple[Write, ...]:
        """Raises FragmentNotFound."""
        found = await self._store.get(key, fragment)
        tree = await self._store.tree(key, found.tree)
        data = await self._store.read(key, [each.oid for each in tree.values()])
        return tuple(Write(path, data[each.oid], each.mode) for path, each in sorted(tree.items()))

    async def _write(self, plan: Plan, here: Here | None, out: ProjectReport) -> None:
        key, name = await self._stage(plan, here)
        staged = Staged(self._repositories, key, here.last_seq if here else 0)
        trees: dict[str, str] = {}
        for version in plan.versions():
            past = _restoring(version.past, trees)
            made = await staged.add(past, version.expected)
            trees[past.id] = made.tree
            self._say(version, made, out)
        await staged.flush()
        final = here.key if here else key
        await self._switch(plan, staged, here, out)
        await self._repositories.settle(final, name, key)
        self._finish(plan, out)
        await self._publish(final, out)
        out.status = "attention" if out.needs_a_human else "imported"

    async def _publish(self, key: int, out: ProjectReport) -> None:
        """Fill the project's repository, refs and all, so that plain git reads it."""
        out.repository = f"repositories/{folder(out.id)}"
        await self._store.repository(key)

    async def _switch(
        self, plan: Plan, staged: Staged, here: Here | None, out: ProjectReport
    ) -> None:
        """What can be written beside is; then one short transaction makes it the project."""
        found, _ = records.digest(plan)
        head = staged.head
        assert head is not None
        key = here.key if here else staged.key
        beside = Beside(staged.key, key)
        if here is None:
            await self._refuse_taken(key, staged)
            await staged.lay_out()
        await write(self.database, plan, staged.rows, beside)
        out.messages = beside.messages
        values_ = self._about(plan.project) | {
            "id": plan.id,
            "last_seq": staged.seq,
            "last_number": len(staged.rows),
        }
        async with self.database.transaction() as tx:
            if here is not None:
                await self._clear(tx, here)
                await refuse_taken(tx, key, [row["id"] for row in staged.rows])
            await staged.place(tx, key, "main")
            await move(tx, beside)
            if here is not None:
                await tx.execute(delete(models.Project).where(models.Project.key == staged.key))
            await tx.execute(
                update(models.Project)
                .where(models.Project.key == key)
                .values(**values_)
                .execution_options(synchronize_session=False)
            )
            if (team := self.people.team_of(plan.project)) is not None:
                await tx.execute(insert(models.TeamProject).values(project=key, team_id=team))
            await tx.execute(
                insert(models.LegacyImport).values(
                    project=key, head=head.commit, last_seq=staged.seq, digest=found,
                    base=plan.findings.base, imported_at=datetime.now(UTC),
                )
            )  # fmt: skip
            faults.point("store.before_commit")

    async def _refuse_taken(self, key: int, staged: Staged) -> None:
        async with self.database.reading() as session:
            await refuse_taken(session, key, [row["id"] for row in staged.rows])

    async def _clear(self, tx: AsyncSession, here: Here) -> None:
        now = await tx.scalar(
            select(models.Project.last_seq).where(models.Project.key == here.key).with_for_update()
        )
        turns = await tx.scalar(
            select(models.Turn.id).where(models.Turn.project == here.key).limit(1)
        )
        if now != here.last_seq or turns is not None:
            raise ProjectMoved("Somebody is working on it here.")
        await rows.forget(tx, here.key)
        for table in (models.LegacyImport, models.TeamProject):
            await tx.execute(delete(table).where(table.project == here.key))

    # Rows

    async def _taken(self, row: Row, here: Here | None) -> dict[str, str]:
        """Old ids that were given away before this project came, from its own aliases."""
        if here is None:
            return {}
        alias = models.LegacyAlias
        plan = Plan(self.source, row, self.options.base, {})
        async with self.database.reading() as session:
            found = await session.execute(
                select(alias.alias, alias.fragment_id).where(alias.project == here.key)
            )
            return {old: name for old, name in found if name == plan.derived(old)}

    async def _stage(self, plan: Plan, here: Here | None) -> tuple[int, str]:
        """A row nobody sees, under which the history is written."""
        row = models.Project(
            id=f"{STAGED}{new_id()}",
            last_seq=here.last_seq if here else 0,
            last_number=0,
            current_branch="main",
            **self._about(plan.project),
        )
        async with self.database.transaction() as tx:
            tx.add(row)
            await tx.flush()
            return row.key, row.id

    def _about(self, project: Row) -> dict[str, object]:
        created = values.when(project.get("createdAt"))
        repository = project.get("gitRepositoryUrl")
        return {
            "name": (plain(project.get("name") or "").strip() or "Untitled")[:200],
            "user_id": self.people.owner_of(project),
            "template": self.options.base.name,
            "created_at": created,
            "updated_at": max(created, values.when(project.get("updatedAt"))),
            "git_repository_url": plain(repository) if repository else None,
        }

    async def _sweep(self) -> None:
        """What a killed or failed import has left beside."""
        async with self.database.reading() as session:
            left = list(
                await session.scalars(
                    select(models.Project.key).where(models.Project.id.like(f"{STAGED}%"))
                )
            )
        for key in left:
            await clear(self.database, key)
        await self._repositories.forget_staged()

    # Saying

    def _say(self, version: Version, made: Made, out: ProjectReport) -> None:
        if version.legacy_id is None:
            return
        out.add(version, made.commit)
        self._done += 1
        self.progress(min(self._done, self._total), self._total, out.name)

    def _finish(self, plan: Plan, out: ProjectReport) -> None:
        out.base = plan.findings.base
        out.active = plan.findings.active
        out.notes += plan.findings.notes


def _restoring(past: Past, trees: dict[str, str]) -> Past:
    """A version that goes back to an earlier one gets that one's files."""
    if past.restored_from is None:
        return past
    return Past(
        past.id, past.kind, past.title, past.text, past.author, past.authored, past.committed,
        tree=trees[past.restored_from], restored_from=past.restored_from,
    )  # fmt: skip
