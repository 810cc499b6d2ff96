"""Replace many packs of one project by one that is a fraction of their size.

The result is self-contained and holds exactly the same objects; the newest versions are left alone,
because they are what lagging readers fetch. Any server may fold at any time: readers see either form.
"""

import secrets
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pygit2
from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments import rows
from keelway.fragments.cache import create_repository
from keelway.fragments.errors import CacheBroken
from keelway.fragments.pack import Joiner, open_pack, parts
from keelway.fragments.repositories import Repositories
from keelway.git.command import GitError, git

PACKS = (100, 10, 10)
"""How many packs of level 0, 1 and 2 make one of the next level."""
DEPTH = (10, 50, 50)
TAIL = 50
"""The newest numbers, left as they were written."""
SECONDS = 600.0

pack = models.Pack


@dataclass(frozen=True, slots=True)
class Range:
    """Packs of one level, by their last numbers, oldest first."""

    level: int
    first_seq: int
    packs: tuple[int, ...]

    @property
    def last_seq(self) -> int:
        return self.packs[-1]


async def fold(repositories: Repositories, project: int) -> bool:
    """Fold once, the lowest level that has enough; False when there is nothing to do.

    False also when another server was first.

    Raises:
        CacheBroken: What git made is not what it was given; nothing was changed.
        GitError: Git failed; nothing was changed.
    """
    chosen = await _choose(repositories, project)
    if chosen is None:
        return False
    try:
        names = await _names(repositories, project, chosen)
        packed = await _fold(repositories, project, chosen, names)
    except GitError:
        if await _choose(repositories, project) == chosen:
            raise
        return False
    return await _swap(repositories.database, project, chosen, packed)


async def due(repositories: Repositories) -> list[int]:
    """Projects that have enough packs of one level to fold, by one query."""
    counted = (
        select(pack.project)
        .join(models.Project, models.Project.key == pack.project)
        .where(pack.part == 0, pack.last_seq <= models.Project.last_seq - TAIL)
        .group_by(pack.project, pack.level)
        .having(
            or_(
                *(
                    and_(pack.level == level, func.count() >= enough)
                    for level, enough in enumerate(PACKS)
                )
            )
        )
    )
    async with repositories.reading() as session:
        return sorted(set(await session.scalars(counted)))


async def _choose(repositories: Repositories, project: int) -> Range | None:
    query = (
        select(pack.level, pack.first_seq, pack.last_seq)
        .where(pack.project == project, pack.part == 0)
        .order_by(pack.last_seq)
    )
    async with repositories.reading() as session:
        last = await rows.last_seq(session, project)
        packs = [(level, first, end) for level, first, end in await session.execute(query)]
    for level, enough in enumerate(PACKS):
        found = [(first, end) for at, first, end in packs if at == level and end <= last - TAIL]
        if len(found) >= enough:
            oldest = found[:enough]
            return Range(level, min(oldest)[0], tuple(end for _, end in oldest))
    return None


async def _fold(
    repositories: Repositories, project: int, chosen: Range, names: dict[str, str]
) -> bytes:
    """The whole new pack, proved to hold exactly what the old ones hold."""
    folder = repositories.folder.with_name(f"{repositories.folder.name}.tmp")
    _sweep(folder)
    async with (
        empty(folder) as before,
        empty(folder) as after,
        aclosing(_joined(repositories.database, project, chosen)) as source,
    ):
        await git("index-pack", "--stdin", repository=before, stdin=source, seconds=SECONDS)
        ids = ids_in(before)
        packed = await pack_objects(before, chosen.level, ids, names)
        await git("index-pack", "--stdin", repository=after, stdin=packed, seconds=SECONDS)
        same = ids_in(after) == ids
    if not same:
        raise CacheBroken("Folding would have lost objects; nothing was changed.")
    return packed


async def _names(repositories: Repositories, project: int, chosen: Range) -> dict[str, str]:
    """Object to path, for good deltas; what is not found gets none."""
    row = models.Fragment
    async with repositories.reading() as session:
        found = (
            await session.execute(
                select(row.sha, row.parent).where(
                    row.project == project, row.seq.between(chosen.first_seq, chosen.last_seq)
                )
            )
        ).all()
    inside = {sha for sha, _ in found}
    outside = {parent for _, parent in found if parent and parent not in inside}
    lines = [*sorted(inside), *(f"^{parent}" for parent in sorted(outside))]

    async def listed(repository: pygit2.Repository) -> bytes:
        revisions = "".join(f"{line}\n" for line in lines).encode()
        return await git(
            *("rev-list", "--objects", "--stdin"),
            repository=Path(repository.path),
            stdin=revisions,
            seconds=SECONDS,
        )

    output = await repositories.use(project, listed, seq=chosen.last_seq)
    pairs = (line.partition(" ") for line in output.decode(errors="replace").splitlines())
    return {oid: path for oid, _, path in pairs if path}


def _sweep(folder: Path) -> None:
    """What killed folds left, once it is far older than any fold takes."""
    if folder.exists():
        for left in folder.iterdir():
            if time.time() - left.stat().st_mtime > 6 * SECONDS:
                shutil.rmtree(left, ignore_errors=True)


@asynccontextmanager
async def empty(folder: Path) -> AsyncGenerator[Path]:
    """A bare repository for a while."""
    path = folder / f"fold-{secrets.token_hex(6)}"
    try:
        create_repository(path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


async def _joined(database: Database, project: int, chosen: Range) -> AsyncGenerator[bytes]:
    """The range's bodies as one pack; one statement, so either all of them or none."""
    mine = _mine(project, chosen)
    total = select(func.sum(pack.objects)).where(*mine).scalar_subquery()
    query = (
        select(total, pack.body)
        .where(*mine)
        .order_by(pack.last_seq, pack.part)
        .execution_options(yield_per=16)
    )
    joiner: Joiner | None = None
    async with database.reading() as session:
        async for objects, body in await session.stream(query):
            if joiner is None:
                joiner = Joiner(int(objects))
                yield joiner.header
            yield joiner.add(body)
        if joiner is not None:
            yield joiner.trailer()


def _mine(project: int, chosen: Range) -> tuple[ColumnElement[bool], ...]:
    return (
        pack.project == project,
        pack.level == chosen.level,
        pack.last_seq.in_(chosen.packs),
    )


def ids_in(repository: Path) -> set[str]:
    return {str(oid) for oid in pygit2.Repository(repository).odb}


async def pack_objects(repository: Path, level: int, ids: set[str], names: dict[str, str]) -> bytes:
    """Exactly these objects as one self-contained pack; what stands beside the same name is near."""
    lines = [f"{oid} {names[oid]}" if oid in names else oid for oid in sorted(ids)]
    return await git(
        *("pack-objects", "--stdout", "--delta-base-offset", "--no-reuse-delta", "--quiet"),
        *("--window=20", f"--depth={DEPTH[level]}"),
        repository=repository,
        stdin="".join(f"{line}\n" for line in lines).encode(),
        seconds=SECONDS,
        limit=4 * 1024 * 1024 * 1024,
    )


async def _swap(database: Database, project: int, chosen: Range, packed: bytes) -> bool:
    """One transaction: the old rows, all of them, for the new ones; False: another fold was first."""
    count, body = open_pack(packed)
    async with database.transaction() as tx:
        gone = await tx.scalars(
            delete(pack).where(*_mine(project, chosen)).returning(pack.last_seq)
        )
        if set(gone) != set(chosen.packs):
            await tx.rollback()
            return False
        new = {
            "project": project,
            "last_seq": chosen.last_seq,
            "first_seq": chosen.first_seq,
            "level": chosen.level + 1,
        }
        await tx.execute(
            insert(pack),
            [
                {**new, "part": part, "objects": 0 if part else count, "body": data}
                for part, data in enumerate(parts(body))
            ],
        )
    return True
