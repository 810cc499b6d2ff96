"""The report: written as the import goes, so that its size does not matter, then closed with the totals."""

import json
import os
import secrets
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from keelway.errors import Invalid
from keelway.legacy.overlay import FileReport
from keelway.legacy.plan import Version

Status = Literal["imported", "attention", "failed", "unchanged"]

NEED_A_HUMAN = frozenset({"damaged", "placeholder", "binary_cut", "refused", "duplicate"})
SHOWN = 500
"""Most files of a project that the page for people lists; the JSON has all of them."""


@dataclass(slots=True)
class Seen:
    """The first version that has something, and how many have it."""

    title: str
    versions: int = 1


@dataclass(slots=True)
class ProjectReport:
    """What is to be said of one project. Its fragments lie in a file until it is closed."""

    id: str
    name: str
    base: str = "none"
    status: Status = "failed"
    active: str | None = None
    messages: int = 0
    versions: int = 0
    repository: str | None = None
    notes: list[str] = field(default_factory=list[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    attention: dict[FileReport, "Seen"] = field(default_factory=dict[FileReport, "Seen"])
    """What the page for people lists: each once, however many versions have it."""
    unlisted: int = 0
    lines: IO[str] = field(default_factory=lambda: _aside())

    def add(self, version: Version, commit: str) -> None:
        """One old version and what became of its files."""
        needs = [f for f in version.files if f.outcome in NEED_A_HUMAN or not f.whole]
        row = {
            "id": version.legacy_id,
            "title": version.title,
            "commit": commit,
            "status": "attention" if needs or version.note else "imported",
            "note": version.note,
            "files": [_file(file) for file in version.files],
        }
        self.lines.write(json.dumps(row, ensure_ascii=True) + "\n")
        self.versions += 1
        self.outcomes.update(file.outcome for file in version.files)
        if version.note:
            self.notes.append(
                f"“{version.past.title}”: {version.note} It holds what was there before."
            )
        self._list(version)

    def _list(self, version: Version) -> None:
        for file in version.files:
            if file.outcome not in NEED_A_HUMAN and file.outcome != "written":
                continue
            if (seen := self.attention.get(file)) is not None:
                seen.versions += 1
            elif len(self.attention) < SHOWN:
                self.attention[file] = Seen(version.past.title)
            else:
                self.unlisted += 1

    def reset(self) -> None:
        """The versions are walked again."""
        self.unlisted = 0
        self.lines.seek(0)
        self.lines.truncate()
        self.versions = 0
        self.outcomes.clear()
        self.attention.clear()
        self.notes.clear()

    @property
    def needs_a_human(self) -> bool:
        return bool(self.notes) or any(self.outcomes[one] for one in NEED_A_HUMAN)

    def head(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "base": self.base,
            "active_fragment": self.active,
            "messages": self.messages,
            "repository": self.repository,
            "outcomes": dict(sorted(self.outcomes.items())),
            "notes": self.notes,
        }


def _aside() -> IO[str]:
    """A file without a name, gone when it is closed."""
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _file(file: FileReport) -> dict[str, str | None]:
    return {
        "path": file.path,
        "key": file.key,
        "outcome": file.outcome,
        "source": file.source,
        "note": file.note,
    }


class Report:
    """All projects, in a temporary file; `write` makes report.json of it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.started_at = datetime.now(UTC)
        self.finished_at = self.started_at
        self.projects: list[ProjectReport] = []
        self.problems: list[str] = []
        self.totals: Counter[str] = Counter()
        self._file = _aside()

    def close_project(self, project: ProjectReport) -> None:
        """Take a project's fragments over; the project's own file is gone then."""
        text = json.dumps(project.head(), ensure_ascii=True)
        self._file.write((",\n" if self.projects else "") + text[:-1] + ', "fragments": [')
        for at, line in enumerate(_lines(project.lines)):
            self._file.write((",\n" if at else "\n") + line.rstrip("\n"))
        self._file.write("]}")
        project.lines.close()
        self.projects.append(project)
        self.totals.update(
            {
                "projects": 1,
                project.status: 1,
                "fragments": project.versions,
                "messages": project.messages,
            }
        )
        self.totals.update({f"files_{name}": count for name, count in project.outcomes.items()})

    @property
    def needs_a_human(self) -> bool:
        return bool(self.problems) or any(
            each.status in ("attention", "failed") or each.needs_a_human for each in self.projects
        )

    def summary(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "totals": dict(sorted(self.totals.items())),
            "problems": self.problems,
        }

    def write(self, out: IO[str]) -> None:
        """The whole report as one JSON object, streamed."""
        out.write(json.dumps(self.summary(), ensure_ascii=True)[:-1] + ', "projects": [\n')
        for chunk in _chunks(self._file):
            out.write(chunk)
        out.write("\n]}\n")

    def save(self, place: "Place", page: str) -> None:
        """The JSON and the page for people, each whole or as it was before."""
        with _replacing(place.data) as out:
            self.write(out)
        with _replacing(place.page) as out:
            out.write(page)

    def close(self) -> None:
        self._file.close()


class ReportUnwritable(Invalid):
    """The report cannot be written where it should go; found out before the work begins."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report goes: `data` the JSON, `page` beside it for people."""

    data: Path
    page: Path


def place_for(wanted: Path) -> Place:
    """The place behind a path, tried out. Raises ReportUnwritable."""
    try:
        data = wanted.expanduser().resolve()
        place = Place(data, data.with_suffix(".html"))
        if data == place.page:
            raise ReportUnwritable(
                f"{wanted} is where the page for people would go, beside the report. "
                "Choose a name that ends in .json."
            )
        for path in (place.data, place.page):
            if path.exists() and not path.is_file():
                raise ReportUnwritable(f"{path} is not a file. Choose another with --report.")
            with _replacing(path, keep=False) as out:
                out.write("\n")
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "that cannot be a path"
        raise ReportUnwritable(f"The report cannot be written to {wanted}: {reason}.") from error
    return place


@contextmanager
def _replacing(path: Path, *, keep: bool = True) -> Generator[IO[str]]:
    """A file written aside and renamed into place; `keep` False: only tried, nothing is left."""
    aside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}")
    try:
        with aside.open("x", encoding="utf-8", errors="backslashreplace") as out:
            if not keep:
                aside.unlink()  # at once, so that no kill leaves it
            yield out
            out.flush()
            os.fsync(out.fileno())
        if keep:
            aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def _lines(file: IO[str]) -> Iterator[str]:
    file.seek(0)
    yield from file


def _chunks(file: IO[str]) -> Iterator[str]:
    file.seek(0)
    while chunk := file.read(1024 * 1024):
        yield chunk


NAMES = {
    "files_repaired": (
        "shortened file made whole, with proof",
        "shortened files made whole, with proof",
    ),
    "files_carried_forward": ("file carried forward", "files carried forward"),
    "files_damaged": ("file that is not whole", "files that are not whole"),
    "files_placeholder": ("picture that was never stored", "pictures that were never stored"),
    "files_binary_cut": ("binary file that was cut", "binary files that were cut"),
    "files_refused": ("name refused", "names refused"),
    "files_duplicate": ("second spelling of a file", "second spellings of a file"),
}


def sentence(counts: Mapping[str, int]) -> Sequence[str]:
    """Totals in words, for the terminal."""
    return [
        f"{counts[key]} {one if counts[key] == 1 else more}"
        for key, (one, more) in NAMES.items()
        if counts.get(key)
    ]


def counted(number: int, word: str) -> str:
    """`1 version`, `2 versions`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def wants(project: ProjectReport) -> str:
    """Why somebody should look at a project, on one line."""
    needs = {
        f"files_{name}": count for name, count in project.outcomes.items() if name in NEED_A_HUMAN
    }
    said = " ".join([*project.notes[:3], *([f"{', '.join(sentence(needs))}."] if needs else [])])
    begins = "was not brought over" if project.status == "failed" else "wants a look"
    return f"{project.name} ({project.id}) {begins}: {said}"
