"""`keelway import-legacy`: open both sides, import, save the report, say what happened."""

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from keelway.accounts.accounts import Accounts
from keelway.cli.entry import database, migrate
from keelway.cli.home import prepare
from keelway.cli.progress import Progress, clean
from keelway.errors import Conflict, Invalid
from keelway.legacy.importer import Importer, Options
from keelway.legacy.page import page
from keelway.legacy.people import People
from keelway.legacy.plan import Base
from keelway.legacy.report import Report, sentence
from keelway.legacy.source import open_source
from keelway.settings import Settings
from keelway.workspaces import template

NEEDS_A_HUMAN = 3
NOTHING = 1
EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


class ImportRunning(Conflict):
    """Another import runs on this home."""


class BadBase(Invalid):
    """`--base` is neither a template nor `none`."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    source: str
    report: Path
    projects: tuple[str, ...]
    base: str
    owner: str | None
    dry_run: bool = False
    verify: bool = False
    as_json: bool = False


async def bring_over(settings: Settings, wish: Wish) -> int:
    """The exit status. Raises SourceUnreadable, OwnerUnknown, BadBase, ImportRunning."""
    progress = Progress(sys.stderr)
    write = not (wish.dry_run or wish.verify)
    base = _base(wish.base)
    source = open_source(wish.source)
    try:
        with _home(settings, keep=write or wish.verify) as used, _alone(used.home, write=write):
            await migrate(used, progress)
            async with database(used) as opened:
                if write:
                    await Accounts(opened).owner()
                people = People(opened, source, wish.owner)
                options = Options(base, write, check=wish.verify, only=wish.projects)
                bar = Bar(sys.stderr)
                importer = Importer(opened, used.repositories, source, people, options, bar.show)
                report = await importer.run()
                bar.end()
    finally:
        source.close()
    try:
        return _tell(report, wish, progress)
    finally:
        report.close()


def _tell(report: Report, wish: Wish, progress: Progress) -> int:
    report.save(wish.report, page(report))
    if wish.as_json:
        report.write(sys.stdout)
        sys.stdout.flush()
    totals = report.totals
    for name in report.projects:
        if name.status in ("failed", "attention"):
            progress.say(f"{name.name} ({name.id}): {name.status}. {' '.join(name.notes[:3])}")
    for problem in report.problems[:20]:
        progress.say(problem)
    for words in sentence(totals):
        progress.say(words)
    verb = "would be brought over" if wish.dry_run else "read"
    progress.say(
        f"{totals['projects']} projects with {totals['fragments']} versions and "
        f"{totals['messages']} messages {verb}. Report: {wish.report}, {wish.report.with_suffix('.html')}"
    )
    if not report.projects or totals["failed"] == totals["projects"]:
        progress.say("Nothing could be used.")
        return NOTHING
    if wish.verify:
        return _verdict(report, wish, progress)
    return NEEDS_A_HUMAN if report.needs_a_human else 0


def _verdict(report: Report, wish: Wish, progress: Progress) -> int:
    """Whether all that the old database holds is here."""
    same = report.totals["unchanged"] == report.totals["projects"] and not report.problems
    if same and not wish.projects:
        progress.say("Everything in it is here, byte for byte. The old database may be retired.")
        return 0
    progress.say(
        "These projects are the same here; verify all of them before retiring the old database."
        if same
        else "Not everything in it is here. Keep the old database, and import again."
    )
    return NEEDS_A_HUMAN


def _base(name: str) -> Base:
    if name == "none":
        return Base(template.DEFAULT, ())
    if name not in template.names():
        raise BadBase(
            f"There is no template {name}; use one of {', '.join(template.names())}, or none."
        )
    return Base(name, template.starter_files(name))


@contextmanager
def _home(settings: Settings, *, keep: bool) -> Generator[Settings]:
    """The home; for a dry run where there is none yet, one that is gone afterwards."""
    if keep or settings.database_url is not None or (settings.home / "keelway.db").exists():
        prepare(settings.home)
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="keelway-dry-") as folder:
        yield settings.model_copy(update={"home": Path(folder)})


@contextmanager
def _alone(home: Path, *, write: bool) -> Generator[None]:
    """One import at a time; the lock dies with its process."""
    file = os.open(home / "import.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if write:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ImportRunning("Another import runs on this home. Wait for its end.") from error
    finally:
        os.close(file)


class Bar:
    """Counts, a bar and the time left; a line now and then where there is no terminal."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.begun = time.monotonic()
        self._said = self.begun if not out.isatty() else 0.0
        self._drawn = False

    def show(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if now - self._said < (0.1 if self.out.isatty() else EVERY):
            return
        self._said = now
        text = line(done, total, now - self.begun) + "  " + clean(what)[:40]
        if self.out.isatty():
            self.out.write(f"\r\x1b[2K{text}")
            self._drawn = True
        else:
            self.out.write(text + "\n")
        self.out.flush()

    def end(self) -> None:
        if self._drawn:
            self.out.write("\r\x1b[2K")
            self.out.flush()


def line(done: int, total: int, seconds: float) -> str:
    """`#####.....  500 of 1,000 versions, 12 s left`."""
    share = done / total if total else 1.0
    left = f", {seconds / share - seconds:.0f} s left" if 0 < share < 1 and seconds > 1 else ""
    return f"{'#' * int(20 * share):.<20}  {done:,} of {total:,} versions{left}"
