"""One old version laid over the one before it: paths, bytes, and what became of every key.

An overlay cannot delete: a file that it does not name is carried forward. Pure; nothing is written.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from keelway.errors import Invalid
from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.tree import FILE
from keelway.legacy.cut import cuts, holds_mark
from keelway.legacy.files import Decoded, decode, normalise, spelling, winner
from keelway.legacy.repair import Candidate, Candidates
from keelway.legacy.untyped import as_object, parsed

Outcome = Literal[
    "written",
    "unchanged",
    "repaired",
    "carried_forward",
    "damaged",
    "placeholder",
    "binary_cut",
    "refused",
    "duplicate",
]


EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
"""Git's name of no content."""
EMPTIED = (
    "It is empty here and was not before: emptied on purpose, or the old system could not read it. "
    "The version before holds its text."
)
ON_TOP = "It was written on top of a shortened text, whose mark is still inside."
BINARY = ("data", "base64")
LONGEST = 4096
"""Characters of a key that the report shows."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one key: `source` says where a repair came from, `note` is for people.

    `whole`: what stands there now is not known to be short of something.
    """

    path: str
    key: str
    outcome: Outcome
    source: str | None = None
    note: str | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as the last version left it. `broken` is why it is not whole, if it is not.

    `stored` is the value that said so; None: it is the base's, which no old version has named.
    """

    oid: str
    key: str
    stored: str | None
    mode: int = FILE
    broken: Outcome | None = None
    note: str | None = None
    cut: bool = False


@dataclass(slots=True)
class Overlay:
    """The state that versions are laid over, one after the other."""

    files: dict[str, Kept] = field(default_factory=dict[str, Kept])
    candidates: Candidates = field(default_factory=Candidates)
    emptied: set[str] = field(default_factory=set[str])
    """Paths that a message says the agent emptied on purpose."""
    _held: dict[str, str] = field(default_factory=dict[str, str])
    """When a row last named the path."""
    _older: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Spellings that lost, with their values: alone later, they say that the winner was dropped."""

    def begin(self, base: Sequence[Write]) -> None:
        """Lay the template under everything."""
        for file in base:
            self.files[file.path] = Kept(blob_name(file.data), file.path, None, file.mode)

    def lay(
        self, fragment: str, time: str, until: str, stored: Mapping[str, Any]
    ) -> tuple[list[Change], list[FileReport]]:
        """Lay one version, begun at `time` and last written `until`, over the others.

        Returns what differs now, and a row for every key that was not simply written or unchanged.
        """
        reports: list[FileReport] = []
        spellings = _spellings(stored, reports)
        left = {path for path, keys in spellings.items() if self._is_left_over(path, keys, stored)}
        chosen = _without_clashes(self._chosen(stored, spellings, left, reports), reports)
        changes = self._drop_clashing(chosen, reports)
        reports += self._twins(chosen)
        for path, key in chosen.items():
            value = stored[key]
            before = self.files.get(path)
            if before is not None and before.stored == value and not before.cut:
                self._held[path] = time
                continue
            data, kept, source = self._judge(path, key, value, (time, until), before)
            kept = _doubted(kept, value, before)
            if before is not None:
                kept = _with_mode(kept, before.mode)
            self.files[path] = kept
            self._held[path] = time
            if before is None or before.oid != kept.oid:
                changes.append(Write(path, data, kept.mode))
            reports += self._said(path, key, kept, before, source)
            if source is None:
                self.candidates.add(path, Candidate(value, time, "version", fragment))
        reports += self._carried(chosen, left)
        return changes, reports

    def listed(self) -> dict[str, tuple[int, str]]:
        """Path to mode and object name: what the version's tree must hold."""
        return {path: (kept.mode, kept.oid) for path, kept in self.files.items()}

    def broken(self) -> Iterator[tuple[str, Kept]]:
        """The files that are not whole right now."""
        return ((path, kept) for path, kept in self.files.items() if kept.broken)

    def _said(
        self, path: str, key: str, kept: Kept, before: Kept | None, source: str | None
    ) -> Iterator[FileReport]:
        """What the report must say of a file that was written; of most, nothing."""
        if source is not None:
            whole = kept.broken is None
            yield FileReport(path, key, "repaired", source, kept.note, whole=whole)
        elif kept.broken is not None:
            yield FileReport(path, key, kept.broken, None, kept.note, whole=False)
        elif kept.oid == EMPTY and before is not None and path not in self.emptied:
            yield FileReport(path, key, "written", None, EMPTIED)

    def _judge(
        self, path: str, key: str, value: str, when: tuple[str, str], before: Kept | None
    ) -> tuple[bytes, Kept, str | None]:
        decoded = decode(value)
        if not decoded.cut and decoded.encoding == "text" and holds_mark(value):
            return decoded.data, _broken(key, value, decoded, "damaged", ON_TOP), None
        if not decoded.cut:
            return decoded.data, Kept(blob_name(decoded.data), key, value), None
        if decoded.encoding == "placeholder":
            note = "The bytes of this picture were never in the old database."
            return decoded.data, _broken(key, value, decoded, "placeholder", note), None
        held = None
        if before is not None and before.stored is not None:
            held = before.stored, self._held.get(path, "")
        if (proved := self.candidates.proof(path, value, *when, held)) is not None:
            found, _ = proved
            whole = decode(found.text)
            if not whole.cut:
                return whole.data, _repaired(key, value, whole, proved), _source(found)
        if decoded.encoding == "binary_cut":
            note = decoded.note or "Its base64 text was cut."
            return decoded.data, _broken(key, value, decoded, "binary_cut", note), None
        note = decoded.note or "It was cut, and no original was found."
        return decoded.data, _broken(key, value, decoded, "damaged", note), None

    def _is_left_over(self, path: str, keys: Sequence[str], stored: Mapping[str, Any]) -> bool:
        """Whether only spellings are here that had lost before, and the winner was dropped."""
        before, older = self.files.get(path), self._older.get(path)
        if before is None or older is None or before.key in keys:
            return False
        return all(key in older and stored[key] in _stored_forms(path, older[key]) for key in keys)

    def _chosen(
        self,
        stored: Mapping[str, Any],
        spellings: Mapping[str, Sequence[str]],
        left: set[str],
        reports: list[FileReport],
    ) -> dict[str, str]:
        """Path to the key that wins it; losing spellings go to the reports."""
        chosen: dict[str, str] = {}
        for path, keys in spellings.items():
            if path in left:
                self._older[path] = {key: stored[key] for key in keys}
                continue
            chosen[path] = best = keys[0] if len(keys) == 1 else winner(keys)
            self._older.pop(path, None)
            for key in keys:
                if key == best:
                    continue
                self._older.setdefault(path, {})[key] = stored[key]
                same = " The content is equal." if stored[key] == stored[best] else ""
                note = f"{_shown(best)} is the same file and was written later.{same}"
                reports.append(FileReport(path, _shown(key), "duplicate", None, note))
        return chosen

    def _carried(self, chosen: Mapping[str, str], left: set[str]) -> Iterator[FileReport]:
        for path in sorted(set(self.files) - set(chosen)):
            kept = self.files[path]
            if kept.stored is not None:
                note = f"Still {kept.broken}: {kept.note}" if kept.broken else None
                if path in left:
                    note = note or "Its newest spelling was dropped; an older one is not the file."
                whole = kept.broken is None
                yield FileReport(path, kept.key, "carried_forward", None, note, whole=whole)

    def _twins(self, chosen: Mapping[str, str]) -> Iterator[FileReport]:
        """New names that differ only in case from one that is carried forward."""
        new = [path for path in chosen if path not in self.files]
        if not new:
            return
        there = {path.casefold(): path for path in self.files if path not in chosen}
        for path in new:
            if (twin := there.get(path.casefold())) is not None:
                yield _twin(path, chosen[path], twin)

    def _drop_clashing(self, chosen: Mapping[str, str], reports: list[FileReport]) -> list[Change]:
        """Files of earlier versions that cannot stand beside this one's."""
        changes: list[Change] = []
        folders = {above for path in chosen for above in _folders(path)}
        for path in sorted(set(self.files) - set(chosen)):
            above = next((part for part in _folders(path) if part in chosen), None)
            if above is None and path not in folders:
                continue
            where = f"the file {above}" if above else f"the folder {path}"
            note = f"This version has {where} where that stood."
            reports.append(FileReport(path, self.files.pop(path).key, "refused", None, note))
            changes.append(Delete(path))
        return changes


def blob_name(data: bytes) -> str:
    """Git's name of a file's content, computed without git."""
    head = f"blob {len(data)}\0".encode()
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest()


def stored_files(files: str | None) -> dict[str, Any]:
    """The `files` column as a map; it may be a JSON string that holds the object.

    Raises ValueError with a sentence for the report when it is neither.
    """
    try:
        value: Any = parsed(files or "")
        if isinstance(value, str):
            value = parsed(value)
    except (ValueError, RecursionError) as error:
        raise ValueError("Its files are not valid JSON.") from error
    if (found := as_object(value)) is None:
        raise ValueError("Its files are not a map of paths.")
    return found


def _spellings(stored: Mapping[str, Any], reports: list[FileReport]) -> dict[str, list[str]]:
    """Path to the keys that mean it; refused keys go to the reports."""
    spellings: dict[str, list[str]] = {}
    for key, value in stored.items():
        try:
            path = normalise(key)
        except Invalid as error:
            reports.append(FileReport(_shown(key), _shown(key), "refused", None, error.message))
            continue
        if isinstance(value, str):
            spellings.setdefault(path, []).append(key)
        else:
            reports.append(FileReport(path, _shown(key), "refused", None, "Its value is not text."))
    return spellings


def _stored_forms(path: str, value: str) -> list[str]:
    """The value, and what is left of it after each cut."""
    return [value, *cuts(path, value)]


def _without_clashes(chosen: dict[str, str], reports: list[FileReport]) -> dict[str, str]:
    """Without paths below a file; of names that differ only in case both stay."""
    kept: dict[str, str] = {}
    lower: dict[str, str] = {}
    for path in sorted(chosen, key=spelling):
        if above := next((part for part in _folders(path) if part in kept), None):
            note = f"{above} is a file here, so nothing can lie below it."
            reports.append(FileReport(path, _shown(chosen[path]), "refused", None, note))
            continue
        kept[path] = chosen[path]
        if (twin := lower.setdefault(path.casefold(), path)) != path:
            reports.append(_twin(path, chosen[path], twin))
    return kept


def _twin(path: str, key: str, twin: str) -> FileReport:
    note = f"Differs from {twin} only in case; both are kept."
    return FileReport(path, key, "duplicate", None, note)


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _broken(key: str, value: str, decoded: Decoded, outcome: Outcome, note: str) -> Kept:
    return Kept(blob_name(decoded.data), key, value, FILE, outcome, note, cut=True)


def _repaired(key: str, value: str, whole: Decoded, proved: tuple[Candidate, int]) -> Kept:
    """A file whose original was proved, which may itself be short of something."""
    found, different = proved
    notes = [f"{different} different texts prove; the nearest was taken."] if different > 1 else []
    if found.where == "later version":
        notes.append("Nothing says that it was written in between.")
    broken: Outcome | None = None
    if whole.encoding == "text" and holds_mark(whole.data.decode()):
        broken = "damaged"
        notes.append(ON_TOP)
    note = " ".join(notes) or None
    return Kept(blob_name(whole.data), key, value, FILE, broken, note, cut=True)


def _source(found: Candidate) -> str:
    return f"{found.where} {found.origin}"


def _doubted(kept: Kept, value: str, before: Kept | None) -> Kept:
    """A binary file that is the first part of what it was: cut where its base64 still decodes."""
    if before is None or before.stored is None or kept.oid == EMPTY:
        return kept
    if decode(value).encoding not in BINARY:
        return kept
    if before.stored == value and before.broken is not None:
        return replace(kept, broken=before.broken, note=before.note, cut=True)
    if len(before.stored) <= len(value) or not before.stored.startswith(value):
        return kept
    note = "The version before holds more, and begins with all of this."
    return replace(kept, broken="binary_cut", note=note, cut=True)


def _with_mode(kept: Kept, mode: int) -> Kept:
    return Kept(kept.oid, kept.key, kept.stored, mode, kept.broken, kept.note, kept.cut)


def _shown(key: str) -> str:
    """A key that no path may be, printable, and no longer than a path may be."""
    short = key if len(key) <= LONGEST else f"{key[:LONGEST]}…"
    return short if short.isprintable() else short.encode("unicode_escape").decode()
