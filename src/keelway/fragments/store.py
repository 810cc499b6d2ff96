"""Fragments and their objects in the database: the durable record of every project.

A fragment exists from the instant its one transaction commits; only then is it acknowledged. The
repositories on disk are a cache: remove them at any time, it costs a delay. STORE.md has the orders.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pygit2

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments import history, rows
from keelway.fragments.build import Builder, Built, Change, Write, check_changes
from keelway.fragments.compare import FileChange, Stats, compare, stats
from keelway.fragments.errors import Fenced, FragmentNotFound
from keelway.fragments.fold import due, fold
from keelway.fragments.fragment import AGENT, Describe, Fragment, FragmentKind
from keelway.fragments.marks import Marks, marks
from keelway.fragments.repositories import Repositories
from keelway.fragments.tree import Tree, TreeReader
from keelway.fragments.writing import Work, Writer, message
from keelway.git.objects import Signature
from keelway.ids import TreeSha, TurnId

__all__ = [
    "AGENT",
    "Describe",
    "Fenced",
    "Fragment",
    "FragmentKind",
    "FragmentStore",
    "Signature",
]

FILE_BYTES = 5 * 1024 * 1024


class FragmentStore:
    """All projects' versions. `project` is always the internal key.

    Every method may raise StoreUnavailable (the database does not answer), every one that reads files
    CacheBroken (rows are damaged).
    """

    def __init__(
        self, database: Database, repositories: Path, *, file_bytes: int = FILE_BYTES
    ) -> None:
        self.file_bytes = file_bytes
        self._repositories = Repositories(database, repositories)
        self._writer = Writer(self._repositories)
        self._trees = TreeReader()

    # Writing

    async def initialise(
        self, project: int, files: Sequence[Write], describe: Describe, *, branch: str = "main"
    ) -> Fragment:
        """A branch's first commit. When the branch exists already: its head, and nothing is written.

        Raises:
            UnsafePath, PathClash, FileTooLarge: What a version may not hold.
            FragmentNotFound: No such project.
        """
        check_changes(files, self.file_bytes)

        def make(_: Fragment | None, fragment_id: str, when: datetime) -> Work:
            def work(builder: Builder) -> tuple[Built, Stats]:
                tree = builder.tree(None, files)
                text = message(describe, fragment_id, None)
                built = builder.commit(tree, (), text, describe.author, when)
                return built, stats(builder.repository, None, tree)

            return work

        written = await self._writer.first(project, branch, make, describe, files)
        return written if written is not None else await self.head(project, branch)

    async def append(
        self,
        project: int,
        branch: str,
        changes: Sequence[Change],
        describe: Describe,
        *,
        fence: int,
    ) -> Fragment | None:
        """Add the changes to the branch's newest version and return the fragment, durable.

        Deletions happen before writes; of several changes of one path the last one counts. None when
        the files are then what they were. A (turn, tool call) that already has a fragment gets that
        one, and nothing is written.

        Raises:
            Fenced: The project's lease is no longer `fence`.
            UnsafePath, PathClash, FileTooLarge: What a version may not hold.
            BranchBusy: Other writers were faster, twenty times.
        """
        check_changes(changes, self.file_bytes)

        def make(head: Fragment | None, fragment_id: str, when: datetime) -> Work:
            assert head is not None

            def work(builder: Builder) -> tuple[Built, Stats] | None:
                tree = builder.tree(head.tree, changes)
                if tree == head.tree:
                    return None
                text = message(describe, fragment_id, None)
                built = builder.commit(tree, (head.sha,), text, describe.author, when)
                return built, stats(builder.repository, head.tree, tree)

            return work

        return await self._writer.next(project, branch, make, describe, fence, changes)

    async def append_tree(
        self,
        project: int,
        branch: str,
        tree: TreeSha,
        describe: Describe,
        *,
        fence: int,
        against: TreeSha | None = None,
    ) -> Fragment:
        """A commit with a tree that some fragment of the project has: versions and restores.

        It is written even when the head has that very tree. Its counts of files and lines are taken
        against the tree `against`; unset, against the head's.

        Raises:
            Fenced, BranchBusy: As in `append`.
            FragmentNotFound: No fragment of this project has that tree.
        """
        restores = await self._known_tree(project, tree, describe)

        def make(head: Fragment | None, fragment_id: str, when: datetime) -> Work:
            assert head is not None

            def work(builder: Builder) -> tuple[Built, Stats]:
                text = message(describe, fragment_id, restores)
                built = builder.commit(tree, (head.sha,), text, describe.author, when)
                return built, stats(builder.repository, against or head.tree, tree)

            return work

        written = await self._writer.next(project, branch, make, describe, fence, ())
        assert written is not None
        return written

    async def _known_tree(self, project: int, tree: TreeSha, describe: Describe) -> str | None:
        """The restored commit's name. The database is asked: the cache may be ahead of a backup."""
        row = models.Fragment
        async with self._repositories.reading() as session:
            if await history.find(session, row.project == project, row.tree == tree) is None:
                raise FragmentNotFound("No version of this project has these files.", tree=tree)
            if describe.restored_from is None:
                return None
            return (await history.get(session, project, describe.restored_from)).sha

    # Fragments

    async def head(self, project: int, branch: str) -> Fragment:
        """The branch's newest fragment. Raises FragmentNotFound: no such branch."""
        async with self._repositories.reading() as session:
            return (await rows.head(session, project, branch))[0]

    async def get(self, project: int, ref: str) -> Fragment:
        """By id, by "v9", or by full commit name. Raises FragmentNotFound."""
        async with self._repositories.reading() as session:
            return await history.get(session, project, ref)

    async def page(
        self, project: int, *, branch: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[Fragment]:
        """Versions with a number below `before`, newest first."""
        async with self._repositories.reading() as session:
            return await history.page(session, project, branch, before, limit)

    async def steps(self, project: int, turn_ids: Sequence[TurnId]) -> dict[TurnId, list[Fragment]]:
        """The steps (fragments without a number) of each of these turns, oldest first."""
        async with self._repositories.reading() as session:
            return await history.steps(session, project, turn_ids)

    async def by_tool_call(self, turn: TurnId, tool_call_id: str) -> Fragment | None:
        """What a tool call wrote, if it did."""
        row = models.Fragment
        async with self._repositories.reading() as session:
            return await history.find(
                session, row.turn_id == turn, row.tool_call_id == tool_call_id
            )

    async def previous_version(self, fragment: Fragment) -> Fragment | None:
        """The version before this fragment on its branch."""
        async with self._repositories.reading() as session:
            return await history.previous_version(session, fragment)

    async def numbers(self, project: int, ids: Sequence[str]) -> dict[str, int | None]:
        """The version number behind each fragment id that exists."""
        async with self._repositories.reading() as session:
            return await history.numbers(session, project, ids)

    async def marks(self, project: int) -> Marks:
        """Contents of the project that are known not to be whole."""
        async with self._repositories.reading() as session:
            return await marks(session, project)

    # Files

    async def tree(self, project: int, tree: TreeSha) -> Tree:
        """Every file of a version."""

        async def read(repository: pygit2.Repository) -> Tree:
            return self._trees.read(repository.odb, tree)

        return await self._repositories.use(project, read)

    async def read(self, project: int, oids: Sequence[str]) -> dict[str, bytes]:
        """Content by object name, whole; the caller bounds how much it asks for."""

        async def read(repository: pygit2.Repository) -> dict[str, bytes]:
            objects = repository.odb
            return {oid: objects.read(oid)[1] for oid in oids}

        return await self._repositories.use(project, read)

    async def compare(self, project: int, old: TreeSha | None, new: TreeSha) -> list[FileChange]:
        """What differs between two trees, renames found; `old` None: everything is new."""

        async def read(repository: pygit2.Repository) -> list[FileChange]:
            return await compare(repository, Path(repository.path), old, new)

        return await self._repositories.use(project, read)

    # Care

    async def drop_cache(self, project: int) -> None:
        """Remove the project's repository on disk; the next reader makes it anew."""
        await self._repositories.drop(project)

    async def fold(self, project: int) -> bool:
        """Fold old packs once, and pack the cache's loose objects; False when no pack was folded.

        Off the write path and safe on any server at any time; call again while True.
        """
        done = await fold(self._repositories, project)
        await (await self._repositories.cache(project)).tidy()
        return done

    async def fold_due(self) -> list[int]:
        """The projects that `fold` has work for."""
        return await due(self._repositories)

    async def repository(self, project: int) -> Path:
        """The bare repository with its refs, complete: what `git clone` and `upload-pack` may use."""
        async with self._repositories.reading() as session:
            heads, current, seq = await rows.heads(session, project)

        async def publish(_: pygit2.Repository) -> Path:
            cache = await self._repositories.cache(project)
            return await cache.publish(heads, current)

        return await self._repositories.use(project, publish, seq=seq)

    async def delete(self, project: int) -> None:
        """Remove all versions of a project, and its repository."""
        async with self._repositories.database.transaction() as tx:
            await rows.forget(tx, project)
        await self._repositories.forget(project)

    def close(self) -> None:
        """Let go of open repositories."""
        self._repositories.close()
