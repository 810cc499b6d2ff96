"""One old version laid over the one before it: paths, bytes, and what became of every key.

An overlay cannot delete: a file that it does not name is carried forward. Pure; nothing is written.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from keelway.errors import Invalid
from keelway.legacy.files import Decoded, decode, normalise, winner
from keelway.legacy.repair import Candidate, Candidates
from keelway.legacy.untyped import as_object

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


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one key: `source` says where a repair came from, `note` is for people."""

    path: str
    key: str
    outcome: Outcome
    source: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as the last version left it. `broken` is why it is not whole, if it is not."""

    data: bytes
    key: str
    broken: Outcome | None = None


@dataclass(slots=True)
class Overlay:
    """The state that versions are laid over, one after the other."""

    files: dict[str, Kept] = field(default_factory=dict[str, Kept])
    candidates: Candidates = field(default_factory=Candidates)

    def lay(
        self, fragment: str, time: str, stored: Mapping[str, Any]
    ) -> tuple[dict[str, Kept], list[FileReport]]:
        """Lay one version over the others; returns what it changed and a row for every key."""
        reports: list[FileReport] = []
        chosen = _without_clashes(_chosen(stored, reports), reports)
        changed: dict[str, Kept] = {}
        for path, key in chosen.items():
            value = stored[key]
            kept, report = self._judge(path, key, value, time)
            before = self.files.get(path)
            if before is not None and before.data == kept.data and report.outcome == "written":
                report = FileReport(path, key, "unchanged")
            reports.append(report)
            if before is None or before.data != kept.data:
                changed[path] = kept
            self.files[path] = kept
            if kept.broken is None:
                self.candidates.add(path, Candidate(value, time, "version", fragment))
        reports += self._carried(chosen)
        return changed, reports

    def _judge(self, path: str, key: str, value: str, time: str) -> tuple[Kept, FileReport]:
        decoded = decode(value)
        if not decoded.cut:
            return Kept(decoded.data, key), FileReport(path, key, "written")
        if decoded.encoding == "placeholder":
            note = "The bytes of this picture were never in the old database."
            return _broken(path, key, decoded, "placeholder", note)
        proved = self.candidates.proof(path, value, time)
        if proved is not None:
            found, different = proved
            source = f"{found.where} {found.origin}"
            note = f"{different} different texts prove; the nearest was taken." * (different > 1)
            whole = decode(found.text)
            return Kept(whole.data, key), FileReport(path, key, "repaired", source, note or None)
        if decoded.encoding == "binary_cut":
            return _broken(path, key, decoded, "binary_cut", "Its base64 text was cut.")
        return _broken(path, key, decoded, "damaged", "It was cut, and no original was found.")

    def _carried(self, chosen: Mapping[str, str]) -> Iterator[FileReport]:
        for path in sorted(set(self.files) - set(chosen)):
            kept = self.files[path]
            if clash := _clash(path, chosen):
                del self.files[path]
                note = f"This version has {clash} where that stood."
                yield FileReport(path, kept.key, "refused", None, note)
            else:
                note = f"Still {kept.broken}." if kept.broken else None
                yield FileReport(path, kept.key, "carried_forward", None, note)


def stored_files(files: str | None) -> dict[str, Any]:
    """The `files` column as a map; it may be a JSON string that holds the object.

    Raises ValueError with a sentence for the report when it is neither.
    """
    try:
        value: Any = json.loads(files or "")
        if isinstance(value, str):
            value = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError("Its files are not valid JSON.") from error
    if (found := as_object(value)) is None:
        raise ValueError("Its files are not a map of paths.")
    return found


def _chosen(stored: Mapping[str, Any], reports: list[FileReport]) -> dict[str, str]:
    """Path to the key that wins it; refused keys and losing spellings go to the reports."""
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
            reports.append(FileReport(path, key, "refused", None, "Its value is not text."))
    chosen: dict[str, str] = {}
    for path, keys in spellings.items():
        chosen[path] = best = winner(keys)
        for key in keys:
            if key != best:
                note = f"{best!r} is the same file and was written later."
                reports.append(FileReport(path, key, "duplicate", None, note))
    return chosen


def _without_clashes(chosen: dict[str, str], reports: list[FileReport]) -> dict[str, str]:
    """Without paths below a file; of names that differ only in case both stay."""
    kept: dict[str, str] = {}
    lower: dict[str, str] = {}
    for path in sorted(chosen, key=lambda p: (len(p), p.encode("utf-8", "surrogatepass"))):
        if above := next((part for part in _folders(path) if part in kept), None):
            note = f"{above} is a file here, so nothing can lie below it."
            reports.append(FileReport(path, chosen[path], "refused", None, note))
            continue
        kept[path] = chosen[path]
        if (twin := lower.setdefault(path.casefold(), path)) != path:
            note = f"Differs from {twin} only in case; both are kept."
            reports.append(FileReport(path, chosen[path], "duplicate", None, note))
    return kept


def _clash(path: str, chosen: Mapping[str, str]) -> str | None:
    """What in this version makes it impossible to keep `path` from an earlier one."""
    if above := next((part for part in _folders(path) if part in chosen), None):
        return f"the file {above}"
    if any(other.startswith(f"{path}/") for other in chosen):
        return f"the folder {path}"
    return None


def _folders(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _broken(
    path: str, key: str, decoded: Decoded, outcome: Outcome, note: str
) -> tuple[Kept, FileReport]:
    return Kept(decoded.data, key, outcome), FileReport(path, key, outcome, None, note)


def _shown(key: str) -> str:
    """A key that no path may be, printable."""
    return key[:200].encode("unicode_escape").decode()
