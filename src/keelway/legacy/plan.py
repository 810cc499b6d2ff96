"""What a project's old versions become, one commit after the other; nothing is written.

The same rows always give the same commits, so that a plan can be compared with what is here already.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from keelway.fragments.build import Write, plain
from keelway.fragments.importing import Past, listing
from keelway.git.objects import Signature
from keelway.legacy import values
from keelway.legacy.overlay import FileReport, Overlay, stored_files
from keelway.legacy.repair import (
    Candidate,
    made_fragment,
    message_candidates,
    parts_of,
    written,
)
from keelway.legacy.source import Row, Source, moment

SPACE = uuid.UUID("6b65656c-7761-5000-8000-6c6567616379")
"""Names derived from old ids are the same in every run."""
ASSUMED = " (assumed)"
"""What a base's name ends with that no old row speaks of."""
LONGEST_ALIAS = 200
"""A name longer than this was never asked for by anybody, and PostgreSQL indexes no long ones."""
BASE = Signature("Keelway", "keelway@keelway.localhost")


@dataclass(frozen=True, slots=True)
class Base:
    """The template that goes under projects that do not bring their own; no files: none."""

    name: str
    files: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One commit to be, what its tree must hold, and what is to be said of it."""

    past: Past
    expected: str
    legacy_id: str | None
    title: str = ""
    files: Sequence[FileReport] = ()
    note: str | None = None


@dataclass(slots=True)
class Findings:
    """What is known when a project's versions are through."""

    base: str = "none"
    active: str | None = None
    notes: list[str] = field(default_factory=list[str])
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    marks: dict[tuple[str, str], tuple[str, str]] = field(
        default_factory=dict[tuple[str, str], tuple[str, str]]
    )
    """(path, object name) to (outcome, note), for content that is not whole."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What is kept of a version that went by."""

    id: str
    title: str
    created: str
    shown: str
    committed: datetime
    expected: str


class Plan:
    """A project's history; walk `versions()` to its end, then read `findings`."""

    def __init__(self, source: Source, project: Row, base: Base, taken: Mapping[str, str]) -> None:
        self.source = source
        self.project = project
        self.id = project.get("id") or ""
        self.base = base
        self.taken = taken
        self.findings = Findings()
        self._overlay = Overlay()
        self._twins = list(source.of("GitFragment", self.id))
        self._links: dict[str, str] = {}
        self._named: list[_Named] = []
        self._known: dict[str, _Named] = {}
        self._ids: set[str] = set()
        self.made_by: dict[str, str] = {}
        """Message of the first version to the fragment it made."""

    def versions(self) -> Iterator[Version]:
        try:
            self._learn()
            yield from self._old_versions()
            yield from self._active()
            self._name_twins()
        finally:
            self._overlay.candidates.close()

    def knows(self, fragment: str) -> bool:
        """Whether one of the versions that went by has this id."""
        return fragment in self._known

    def public_id(self, old: str) -> str:
        """The id that an old fragment has here: its own, unless another project's has that."""
        return self.taken.get(old) or (old if values.storable(old) else self.derived(old))

    # What is known before the first version

    def _learn(self) -> None:
        """Candidates for repairs: whole texts in messages and, when something was cut, later versions."""
        cut = self.source.may_be_cut(self.id)
        times = {row.get("id") or "": _time(row) for row in self._rows()} if cut else {}
        for row in self.source.of("V2Message", self.id):
            self._learn_message(row, times, cut=cut)
        if cut:
            for row in self._rows():
                self._learn_version(row)

    def _learn_message(self, row: Row, times: Mapping[str, str], *, cut: bool) -> None:
        said = parts_of(row.get("content"))
        made = [found for part in said if (found := made_fragment(part)) is not None]
        for found in made:
            for name in ("commitHash", "gitFragmentId"):
                if name in found:
                    self._links[found[name]] = found["fragmentId"]
        time = (times.get(made[-1]["fragmentId"]) if made else None) or _time(row)
        for path, text in written(said):
            if text == "":
                self._overlay.emptied.add(path)
            if cut:
                self._overlay.candidates.wrote(path, time)
        if cut:
            for path, candidate in message_candidates(row.get("id") or "?", time, said):
                self._overlay.candidates.add(path, candidate)

    def _learn_version(self, row: Row) -> None:
        overlay = Overlay()
        try:
            stored = stored_files(row.get("files"))
        except ValueError:
            return
        overlay.lay(row.get("id") or "?", _time(row), _until(row), stored)
        for path, kept in overlay.files.items():
            if kept.stored is not None:
                self._overlay.candidates.saw(path, _time(row), kept.stored)
                found = Candidate(kept.stored, _time(row), "later version", row.get("id") or "?")
                self._overlay.candidates.add(path, found)
        overlay.candidates.close()

    # Versions

    def _rows(self) -> Iterator[Row]:
        """Fragments of both kinds, oldest first."""
        first = sorted(
            (moment(row.get("createdAt")) or "", row.get("id") or "", message)
            for message in self._first_messages()
            for row in self.source.of("Fragment", message)
        )
        for row in self.source.of("V2Fragment", self.id):
            at = (moment(row.get("createdAt")) or "", row.get("id") or "")
            while first and first[0][:2] <= at:
                yield from self._first_version(first.pop(0)[2])
            yield row
        while first:
            yield from self._first_version(first.pop(0)[2])

    def _first_messages(self) -> Iterator[str]:
        if not self.source.counts("Fragment"):
            return
        for row in self.source.of("Message", self.id):
            if row.get("id"):
                yield row.get("id") or ""

    def _first_version(self, message: str) -> Iterator[Row]:
        for row in self.source.of("Fragment", message):
            yield row
            return

    def _old_versions(self) -> Iterator[Version]:
        first = True
        for row in self._rows():
            old = row.get("id") or ""
            stored, note = {}, None
            try:
                stored = stored_files(row.get("files"))
            except ValueError as error:
                note = str(error)
            if first:
                yield from self._beginning(values.when(row.get("createdAt")), stored)
                first = False
            version = self._version(row, old, stored, note)
            self._remember(version, row)
            yield version
        if first:
            yield from self._beginning(values.when(self.project.get("createdAt")), {})
            if not self._overlay.files:
                self.findings.notes.append("The project has no versions; it begins empty.")
                yield self._template("Empty project", values.when(self.project.get("createdAt")))

    def _remember(self, version: Version, row: Row) -> None:
        past = version.past
        if message := row.get("messageId"):
            self.made_by[message] = past.id
        named = _Named(
            past.id,
            row.get("title") or "",
            _time(row),
            past.title,
            past.committed,
            version.expected,
        )
        self._named.append(named)
        self._known[past.id] = named

    def _version(
        self, row: Row, old: str, stored: Mapping[str, object], note: str | None
    ) -> Version:
        changes, reports = self._overlay.lay(old, _time(row), _until(row), stored)
        for path, kept in self._overlay.broken():
            assert kept.broken is not None
            self.findings.marks[(path, kept.oid)] = (kept.broken, kept.note or "")
        given = row.get("title") or ""
        title = values.title(given)
        trailers = f"Legacy-Fragment: {_line(old)}"
        if title != given:
            trailers += f"\nLegacy-Title: {_line(given)}"
        authored = values.when(row.get("createdAt"))
        past = Past(
            self._unused(self.public_id(old)),
            "import",
            title,
            f"{title}\n\n{trailers}\n",
            values.author(self._twin(given, _time(row))),
            authored,
            max(authored, values.when(row.get("updatedAt") or row.get("createdAt"))),
            tuple(changes),
        )
        if past.id != old and 0 < len(old) <= LONGEST_ALIAS:
            self.findings.aliases.setdefault(old, past.id)
        return Version(past, listing(self._overlay.listed()), old, given, reports, note)

    def _beginning(self, at: datetime, stored: Mapping[str, object]) -> Iterator[Version]:
        """The template, as a commit of its own that says it is assumed."""
        probe = Overlay()
        probe.lay("", "", "", stored)
        probe.candidates.close()
        if {"package.json", "index.html"} <= set(probe.files):
            self.findings.base = "its own files"
            return
        if not self.base.files:
            return
        self.findings.base = self.base.name + ASSUMED
        self._overlay.begin(self.base.files)
        yield self._template("Starter app (assumed)", at)

    def _template(self, title: str, at: datetime) -> Version:
        said = "The old system did not record what its versions lay on; this template is assumed."
        text = f"{title}\n\n{said}\n\nLegacy-Base: {self.base.name}\n"
        past = Past(
            self.derived("base"), "template", title, text, BASE, at, at, tuple(self.base.files)
        )
        return Version(past, listing(self._overlay.listed()), None)

    def _active(self) -> Iterator[Version]:
        """The version that was active, on top when it is not the newest."""
        if not self._named:
            return
        newest = self._named[-1].id
        wanted = self.project.get("activeFragmentId")
        active = self.public_id(wanted) if wanted else newest
        if active not in self._known:
            active = self._newest_twin() or newest
            self.findings.notes.append(
                f"The active version {wanted} does not exist; {active} is taken for it."
            )
        self.findings.active = active
        if active == newest:
            return
        version = self._known[active]
        title = f"Went back to “{version.shown}”"
        at = max(values.when(self.project.get("updatedAt")), self._known[newest].committed)
        text = f"{title}\n\nIt was the active version in the old system.\n\nRestores: {active}\n"
        past = Past(
            self.derived(f"active {active}"), "restore", title, text, BASE, at, at,
            tree="", restored_from=active,
        )  # fmt: skip
        yield Version(past, version.expected, None)

    # Names

    def _twin(self, title: str, time: str) -> Row | None:
        same = [row for row in self._twins if row.get("title") == title]
        return min(same, key=lambda row: _apart(row, time), default=None)

    def _newest_twin(self) -> str | None:
        """The version that the newest GitFragment stands for."""
        for row in reversed(self._twins):
            if (found := self._stands_for(row)) is not None:
                return found
        return None

    def _stands_for(self, twin: Row) -> str | None:
        for name in (twin.get("id"), twin.get("commitHash")):
            linked = self._links.get(name or "")
            if linked is not None and self.public_id(linked) in self._known:
                return self.public_id(linked)
        same = [one for one in self._named if one.title == twin.get("title")]
        nearest = min(same, key=lambda one: _apart(twin, one.created), default=None)
        return nearest.id if nearest else None

    def _name_twins(self) -> None:
        """Old GitFragments and their commits keep resolving."""
        for row in self._twins:
            found = self._stands_for(row)
            for name in (row.get("id"), row.get("commitHash")):
                if name and found and len(name) <= LONGEST_ALIAS and name not in self._known:
                    self.findings.aliases[name] = found

    def _unused(self, wanted: str) -> str:
        count = 1
        name = wanted
        while name in self._ids:
            count += 1
            name = self.derived(f"{wanted} {count}")
        if count > 1:
            self.findings.notes.append(f"Two versions have the id {wanted}; both are kept.")
        self._ids.add(name)
        return name

    def derived(self, name: str) -> str:
        return str(uuid.uuid5(SPACE, plain(f"{self.id}\n{name}")))


def derived(project: str, name: str) -> str:
    """An id for what the old system had none for, the same in every run."""
    return str(uuid.uuid5(SPACE, f"{project}\n{name}"))


def _apart(row: Row, time: str) -> float:
    return abs((values.when(row.get("createdAt")) - values.when(time)).total_seconds())


def _time(row: Row) -> str:
    return moment(row.get("createdAt")) or ""


def _until(row: Row) -> str:
    return max(_time(row), moment(row.get("updatedAt")) or "")


def _line(text: str) -> str:
    r"""A trailer's value: on one line, with `\n` for a line's end and the like."""
    return values.shown(text, lambda c: c.encode("unicode_escape").decode())[:1000]
