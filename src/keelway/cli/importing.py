"""`keelway import-legacy`: open both sides, import, save the report, say what happened."""

import io
import os
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from keelway.accounts.accounts import Accounts
from keelway.cli.entry import database, migrate
from keelway.cli.home import prepare
from keelway.cli.looking import looking
from keelway.cli.progress import Progress, clean
from keelway.cli.stopping import Stopped, stoppable
from keelway.db.session import Database
from keelway.errors import Invalid, KeelwayError, Unavailable
from keelway.legacy.alone import alone
from keelway.legacy.importer import Importer, Options
from keelway.legacy.page import page
from keelway.legacy.people import People
from keelway.legacy.plan import Base
from keelway.legacy.report import Place, Report, counted, place_for, sentence, wants
from keelway.legacy.source import open_source
from keelway.legacy.trouble import no_room
from keelway.settings import Settings
from keelway.workspaces import template

NEEDS_A_HUMAN = 3
NOTHING = 1
EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""
LINE = 1000
"""Most characters of one line about the old database's content."""
AGAIN = "What is finished stays; run it again to go on."


class ImportBrokenOff(Unavailable):
    """The disk, the database or git failed under the import; what was finished is kept."""


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

    @property
    def looks(self) -> bool:
        """Whether it only looks, and changes nothing."""
        return self.dry_run or self.verify


async def bring_over(settings: Settings, wish: Wish) -> int:
    """The exit status.

    Raises SourceUnreadable, OwnerUnknown, BadBase, ReportUnwritable, ImportRunning, ImportBrokenOff.
    """
    progress = Progress(deaf(sys.stderr))
    base = _base(wish.base)
    place = place_for(wish.report)
    try:
        with stoppable(), _plainly():
            report = await _work(settings, wish, base, progress)
            try:
                return _tell(report, wish, place, progress)
            finally:
                report.close()
    except Stopped as stopped:
        kept = "" if wish.looks else " What is finished stays; run it again to go on."
        progress.say(f"Stopped.{kept}")
        return stopped.status


async def _work(settings: Settings, wish: Wish, base: Base, progress: Progress) -> Report:
    source = open_source(wish.source)
    bar = Bar(deaf(sys.stderr))
    try:
        async with _opened(settings, wish, progress) as (opened, repositories):
            people = People(opened, source, wish.owner)
            options = Options(
                base, not wish.looks, check=wish.verify, only=wish.projects, base_named=_known_base
            )
            importer = Importer(opened, repositories, source, people, options, bar.show)
            try:
                return await importer.run()
            except BaseException:
                importer.report.close()
                raise
    finally:
        bar.end()
        source.close()


@asynccontextmanager
async def _opened(
    settings: Settings, wish: Wish, progress: Progress
) -> AsyncGenerator[tuple[Database, Path]]:
    """The database and the folder of repositories; only an import proper changes anything there."""
    if wish.looks:
        async with looking(settings) as opened:
            yield opened
        return
    prepare(settings.home)
    async with database(settings) as opened, alone(settings.home, opened.url):
        await migrate(settings, progress)
        await Accounts(opened).owner()
        yield opened, settings.repositories


@contextmanager
def _plainly() -> Generator[None]:
    """What fails under all projects alike, said in a sentence. Raises ImportBrokenOff."""
    try:
        yield
    except (OSError, SQLAlchemyError, sqlite3.Error, psycopg.Error, KeelwayError) as error:
        if no_room(error):
            raise ImportBrokenOff(
                "The disk is full. Make room, and run it again: what is finished stays."
            ) from error
        if isinstance(error, OSError):
            where = f" ({error.filename})" if error.filename else ""
            raise ImportBrokenOff(f"It broke off: {error.strerror}{where}. {AGAIN}") from error
        if isinstance(error, KeelwayError):
            raise
        raise ImportBrokenOff(f"The database does not answer, or broke off. {AGAIN}") from error


def _tell(report: Report, wish: Wish, place: Place, progress: Progress) -> int:
    report.save(place, page(report))
    if wish.as_json:
        _print(report)
    totals = report.totals
    for project in report.projects:
        if project.status in ("failed", "attention"):
            progress.say(_one_line(wants(project)))
    for problem in report.problems[:20]:
        progress.say(_one_line(problem))
    for words in sentence(totals):
        progress.say(words)
    progress.say(
        f"{counted(totals['projects'], 'project')} with {counted(totals['fragments'], 'version')} and "
        f"{counted(totals['messages'], 'message')} {_verb(report, wish)}. Report: {place.data}, {place.page}"
    )
    if wish.verify and report.projects:
        return _verdict(report, wish, progress)
    if not report.projects or totals["failed"] == totals["projects"]:
        progress.say("Nothing could be used.")
        return NOTHING
    return NEEDS_A_HUMAN if report.needs_a_human else 0


def _verb(report: Report, wish: Wish) -> str:
    if wish.verify:
        return "compared"
    if wish.dry_run:
        return "would be brought over"
    here = report.totals["unchanged"] == report.totals["projects"]
    return "were here already" if here else "brought over"


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


def _known_base(name: str) -> Base | None:
    """The base of that name, if this version of Keelway has it."""
    return _base(name) if name in (*template.names(), "none") else None


def _print(report: Report) -> None:
    """The report on stdout; nobody need read it to its end."""
    try:
        report.write(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes again at exit, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(text: str) -> str:
    """Names come from the old database: none may start a line of its own, or fill the screen."""
    line = clean(" ".join(text.split()))
    return line if len(line) <= LINE else line[: LINE - 1] + "…"


def deaf(out: TextIO) -> TextIO:
    """`out`, which may go away at any moment: what cannot be said to it is not said."""
    return cast(TextIO, _Deaf(out))


class _Deaf(io.TextIOBase):
    def __init__(self, out: TextIO) -> None:
        self.out = out

    def isatty(self) -> bool:
        return self.out.isatty()

    def write(self, text: str) -> int:
        try:
            self.out.write(text)
            self.out.flush()
        except (OSError, ValueError):
            pass
        return len(text)


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
        text = line(done, total, now - self.begun) + "  " + clean(" ".join(what.split()))[:40]
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
