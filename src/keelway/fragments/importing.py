"""A whole history, written beside the project that it is for, and read back before anybody sees it.

Commits are built in memory on one another; every hundred become one folded pack in one transaction, and
are then read from those rows again and compared. The branch comes last, in the transaction that the
caller switches over in (STORE.md 3, Import).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import pygit2
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from keelway import faults
from keelway.db import models
from keelway.fragments.build import Builder, Change, Write, plain
from keelway.fragments.compare import Stats, stats
from keelway.fragments.errors import CacheBroken
from keelway.fragments.fold import empty, ids_in, pack_objects
from keelway.fragments.fragment import FragmentKind
from keelway.fragments.pack import GitObject, Joiner, body, open_pack, parts
from keelway.fragments.repositories import Repositories
from keelway.fragments.tree import TreeReader
from keelway.git.command import git
from keelway.git.objects import Signature

COMMITS = 100
"""Commits of one transaction."""
ROWS = 500
"""Fragment rows of one statement."""
BLOB = 3
"""Git's number of the kind."""
BYTES = 16 * 1024 * 1024
"""New content after which a transaction is closed early, so that memory stays flat."""


class ImportBroken(CacheBroken):
    """What was read back is not what was written; nothing of it is shown to anybody."""


@dataclass(frozen=True, slots=True)
class Past:
    """A version from elsewhere. `tree`: its files are those of an earlier tree, without changes."""

    id: str
    kind: FragmentKind
    title: str
    text: str
    author: Signature
    authored: datetime
    committed: datetime
    changes: Sequence[Change] = ()
    tree: str | None = None
    restored_from: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The commit that a `Past` became."""

    commit: str
    tree: str
    parent: str | None


def listing(files: Mapping[str, tuple[int, str]]) -> str:
    """A digest of path, mode and object name of every file: what a tree must hold."""
    total = hashlib.sha256()
    for path in sorted(files):
        mode, oid = files[path]
        total.update(f"{mode:o} {oid} {path}\0".encode())
    return total.hexdigest()


class Chain:
    """Commits built on one another in memory; nothing is written."""

    def __init__(self, cache: pygit2.Repository | None = None) -> None:
        self.head: Made | None = None
        self.builder = Builder(cache)

    def add(self, past: Past) -> Made:
        """Raises PathClash."""
        before = self.head
        tree = past.tree or self.builder.tree(before.tree if before else None, past.changes)
        parents = [before.commit] if before else []
        built = self._commit(past, tree, parents)
        self.head = Made(built, tree, before.commit if before else None)
        return self.head

    def forget(self) -> None:
        """Let go of contents; folders and commits stay, since later commits lie on them."""
        old, self.builder = self.builder.overlay.new, Builder(None)
        for oid, (kind, data) in old.items():
            if kind != BLOB:
                self.builder.overlay.new[oid] = (kind, data)

    def _commit(self, past: Past, tree: str, parents: Sequence[str]) -> str:
        return self.builder.commit_at(
            tree, parents, plain(past.text), past.author, past.authored, past.committed
        )


@dataclass(slots=True)
class _Waiting:
    """What the next transaction will hold."""

    commits: list[tuple[Past, Made, str]] = field(default_factory=list[tuple[Past, Made, str]])
    names: dict[str, str] = field(default_factory=dict[str, str])
    bytes: int = 0


class Staged:
    """A history under the project row `key`, whose numbers go on after `seq`."""

    def __init__(self, repositories: Repositories, key: int, seq: int) -> None:
        self.repositories = repositories
        self.key = key
        self.seq = seq
        self.rows: list[dict[str, Any]] = []
        self._chain = Chain()
        self._waiting = _Waiting()
        self._trees = TreeReader(capacity=20_000)

    @property
    def head(self) -> Made | None:
        return self._chain.head

    async def add(self, past: Past, expected: str) -> Made:
        """Build the commit; `expected` is the `listing` of what its tree must hold."""
        before = self._chain.head
        made = self._chain.add(past)
        counted = self._count(before, made)
        self.seq += 1
        self.rows.append(self._row(past, made, counted))
        self._waiting.commits.append((past, made, expected))
        for change in past.changes:
            if isinstance(change, Write):
                self._waiting.names[str(pygit2.hash(change.data))] = change.path
                self._waiting.bytes += len(change.data)
        if len(self._waiting.commits) >= COMMITS or self._waiting.bytes >= BYTES:
            await self.flush()
        return made

    async def flush(self) -> None:
        """Write what waits, and read it back. Raises ImportBroken."""
        waiting, self._waiting = self._waiting, _Waiting()
        if not waiting.commits:
            return
        objects = [
            GitObject(str(oid), kind, data)
            for oid, (kind, data) in self._chain.builder.overlay.new.items()
        ]
        packed = await self._folded(objects, waiting.names)
        first = self.seq - len(waiting.commits) + 1
        count, data = open_pack(packed)
        await self._insert(first, count, data)
        faults.point("store.after_commit")
        repository = await (await self.repositories.cache(self.key)).at_least(self.seq)
        for past, made, expected in waiting.commits:
            self.check(repository, past, made, expected)
        self._chain.builder = Builder(repository)

    def check(self, repository: pygit2.Repository, past: Past, made: Made, expected: str) -> None:
        """Compare what a repository holds with what was to be written. Raises ImportBroken."""
        verify(repository, self._trees, past, made, expected)

    async def lay_out(self) -> None:
        """Write the fragment rows under the key of this history, before anybody sees them."""
        for start in range(0, len(self.rows), ROWS):
            async with self.repositories.database.transaction() as tx:
                await _insert_rows(tx, self.key, self.rows[start : start + ROWS])

    async def place(self, tx: AsyncSession, key: int, branch: str) -> None:
        """In the caller's transaction: let the project `key` have this history; the branch comes last.

        Of another project's key: the fragment rows, too, which were not laid out.
        """
        assert self._chain.head is not None
        assert not self._waiting.commits
        if key != self.key:
            moving = update(models.Pack).where(models.Pack.project == self.key).values(project=key)
            await tx.execute(moving.execution_options(synchronize_session=False))
            for start in range(0, len(self.rows), ROWS):
                await _insert_rows(tx, key, self.rows[start : start + ROWS])
        head = self._chain.head.commit
        await tx.execute(insert(models.Branch).values(project=key, name=branch, head=head))

    def _count(self, before: Made | None, made: Made) -> Stats:
        return stats(self._chain.builder.repository, before.tree if before else None, made.tree)

    async def _folded(self, objects: Sequence[GitObject], names: dict[str, str]) -> bytes:
        folder = self.repositories.aside
        joiner = Joiner(len(objects))
        whole = joiner.header + joiner.add(body(objects)) + joiner.trailer()
        async with empty(folder) as before, empty(folder) as after:
            await git("index-pack", "--stdin", repository=before, stdin=whole, seconds=600)
            wanted = {each.oid for each in objects}
            packed = await pack_objects(before, 0, wanted, names)
            await git("index-pack", "--stdin", repository=after, stdin=packed, seconds=600)
            if ids_in(after) != wanted:
                raise ImportBroken("Git left objects out; nothing of this project was changed.")
        return packed

    async def _insert(self, first: int, count: int, data: bytes) -> None:
        async with self.repositories.database.transaction() as tx:
            await tx.execute(
                update(models.Project)
                .where(models.Project.key == self.key)
                .values(last_seq=self.seq)
                .execution_options(synchronize_session=False)
            )
            rows = [
                {
                    "project": self.key,
                    "last_seq": self.seq,
                    "part": part,
                    "first_seq": first,
                    "level": 1,
                    "objects": 0 if part else count,
                    "body": piece,
                }
                for part, piece in enumerate(parts(data))
            ]
            await tx.execute(insert(models.Pack), rows)

    def _row(self, past: Past, made: Made, counted: Stats) -> dict[str, Any]:
        before = self.rows[-1] if self.rows else None
        return {
            "seq": self.seq,
            "id": past.id,
            "branch": "main",
            "sha": made.commit,
            "tree": made.tree,
            "parent": made.parent,
            "parent_fragment_id": before["id"] if before else None,
            "kind": past.kind,
            "title": plain(past.title),
            "message": None,
            "author_name": plain(past.author.name),
            "author_email": plain(past.author.email),
            "number": len(self.rows) + 1,
            "turn_id": None,
            "tool_call_id": None,
            "restored_from": past.restored_from,
            "files_changed": counted.files,
            "lines_added": counted.added,
            "lines_removed": counted.removed,
            "created_at": past.authored,
        }


async def _insert_rows(tx: AsyncSession, key: int, rows: Sequence[dict[str, Any]]) -> None:
    await tx.execute(insert(models.Fragment), [{**row, "project": key} for row in rows])


def verify(
    repository: pygit2.Repository, trees: TreeReader, past: Past, made: Made, expected: str
) -> None:
    """The commit is there, says what it must, and its tree holds exactly the expected files.

    Raises:
        ImportBroken: It is not, does not, or holds others.
    """
    try:
        commit = repository[made.commit]
        tree = trees.read(repository.odb, made.tree)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise ImportBroken(f"The version {past.id} cannot be read back.") from error
    assert isinstance(commit, pygit2.Commit)
    found = listing({path: (each.mode, each.oid) for path, each in tree.items()})
    parents = [str(parent) for parent in cast("list[pygit2.Oid]", commit.parent_ids)]
    said = (str(commit.tree_id), parents, commit.message, found)
    if said != (made.tree, [made.parent] if made.parent else [], plain(past.text), expected):
        raise ImportBroken(f"The version {past.id} reads back as something else.")
