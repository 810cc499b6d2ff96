"""Find the original of a text that was cut, and prove that it is the one.

Candidates come, best first, from older versions of the same path, from what messages say the agent wrote
or read, and from later versions. Only a candidate whose cut is exactly the stored text is used.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from keelway.errors import Invalid
from keelway.legacy.cut import FILE_LIMIT, cuts, settled, units
from keelway.legacy.files import normalise
from keelway.legacy.untyped import as_list, as_object, parsed

Where = Literal["version", "message", "later version"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may be what was cut: `time` as the old system prints it, `origin` its id there."""

    text: str
    time: str
    where: Where
    origin: str


class Candidates:
    """Texts long enough to have been cut, found by what is left of them; kept on disk."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("")  # a temporary file that SQLite removes by itself
        self._table.execute("CREATE TABLE text (digest BLOB PRIMARY KEY, body BLOB)")
        self._table.execute("CREATE TABLE known (path TEXT, cut BLOB, text BLOB, time TEXT, place TEXT, origin TEXT)")  # fmt: skip
        self._table.execute("CREATE INDEX by_cut ON known (path, cut)")
        self._table.execute("CREATE TABLE written (path TEXT, time TEXT)")
        self._table.execute("CREATE TABLE seen (path TEXT, time TEXT, value INT)")
        self._table.execute("CREATE INDEX by_path ON seen (path, time)")
        self._last: dict[str, int] = {}
        self._table.execute("CREATE TABLE done (path TEXT, text BLOB, cut BLOB, PRIMARY KEY (path, text, cut))")  # fmt: skip

    def add(self, path: str, candidate: Candidate) -> None:
        text = candidate.text
        if len(text) * 2 <= FILE_LIMIT or units(text) <= FILE_LIMIT:
            return
        raw = text.encode("utf-8", "surrogatepass")
        name = _digest(text)
        self._table.execute(
            "INSERT OR IGNORE INTO text VALUES (?, ?)", (name, zlib.compress(raw, 1))
        )
        for left in self._cuts(path, text, name):
            self._table.execute(
                "INSERT INTO known VALUES (?, ?, ?, ?, ?, ?)",
                (path, left, name, candidate.time, candidate.where, candidate.origin),
            )

    def wrote(self, path: str, time: str) -> None:
        """A message says that the agent wrote the file then, whatever it wrote."""
        self._table.execute("INSERT INTO written VALUES (?, ?)", (path, time))

    def saw(self, path: str, time: str, stored: str) -> None:
        """A version of that time holds this; versions come oldest first."""
        value = hash(stored)
        if self._last.get(path) != value:
            self._last[path] = value
            self._table.execute("INSERT INTO seen VALUES (?, ?, ?)", (path, time, value))

    def proof(
        self, path: str, stored: str, time: str, until: str, held: tuple[str, str] | None = None
    ) -> tuple[Candidate, int] | None:
        """The best candidate that proves, and how many *different* texts proved.

        Of those not younger than `until`, when the version was last written, the youngest is nearest to
        what was cut; `held` is what a row held last, and when. A later version counts only when nothing was written since the version of `time`.
        """
        found = self._table.execute(
            "SELECT time, place = 'version', rowid, place, origin, text FROM known"
            " WHERE path = ? AND cut = ?",
            (path, _digest(settled(stored))),
        ).fetchall()
        older = [row for row in found if row[0] <= until and row[3] != "later version"]
        if held is not None:
            name, then = _digest(held[0]), held[1]
            older += [(max(then, row[0]), 2, *row[2:]) for row in older if row[5] == name]
        best = max(older, default=None) or self._later(path, stored, time, until, found)
        if best is None:
            return None
        body = self._table.execute("SELECT body FROM text WHERE digest = ?", (best[5],)).fetchone()
        text = zlib.decompress(body[0]).decode("utf-8", "surrogatepass")
        return Candidate(text, best[0], best[3], best[4]), len({row[5] for row in found})

    def _later(
        self, path: str, stored: str, time: str, until: str, found: list[Any]
    ) -> tuple[Any, ...] | None:
        """The earliest later one, if the file was the same from here to there."""
        best = min((row for row in found if row[0] > until), default=None)
        if best is None:
            return None
        written = "SELECT 1 FROM written WHERE path = ? AND time > ? AND time <= ?"
        other = "SELECT 1 FROM seen WHERE path = ? AND time > ? AND time < ? AND value != ?"
        if self._table.execute(written, (path, time, best[0])).fetchone():
            return None
        if self._table.execute(other, (path, time, best[0], hash(stored))).fetchone():
            return None
        return best

    def close(self) -> None:
        self._table.close()

    def _cuts(self, path: str, text: str, name: bytes) -> list[bytes]:
        rows = self._table.execute("SELECT cut FROM done WHERE path = ? AND text = ?", (path, name))
        if known := [row[0] for row in rows]:
            return known
        made = sorted({_digest(left) for left in cuts(path, text)})
        self._table.executemany(
            "INSERT INTO done VALUES (?, ?, ?)", [(path, name, left) for left in made]
        )
        return made


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def message_candidates(
    message: str, time: str, parts: list[Mapping[str, Any]]
) -> Iterator[tuple[str, Candidate]]:
    """The whole files that a stored message holds, with their paths."""
    for part in parts:
        for path, text in _whole_files(part):
            try:
                yield normalise(path), Candidate(text, time, "message", message)
            except Invalid:
                continue  # a path that no version may hold has no file to repair


def parts_of(content: str | None) -> list[Mapping[str, Any]]:
    """A message's parts; plain text counts as one. Never raises."""
    try:
        value = parsed(content or "[]")
    except (ValueError, RecursionError):
        return [{"type": "text", "text": content or ""}]
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    rows = as_list(value)
    if rows is None and as_object(value) is None:
        return [{"type": "text", "text": content or ""}]
    return [part for row in (rows if rows is not None else [value]) if (part := as_object(row))]


def tool_of(part: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """Name, input and output of a tool call that ended, in either of the two shapes."""
    kind = part.get("type")
    if not isinstance(kind, str):
        return None
    if kind == "tool-invocation":
        part = as_object(part.get("toolInvocation")) or part  # the AI SDK 4 nested it
        if part.get("state") != "result":
            return None
        return str(part.get("toolName")), part.get("args"), part.get("result")
    if kind.startswith("tool-") and part.get("state") == "output-available":
        return kind.removeprefix("tool-"), part.get("input"), part.get("output")
    return None


def made_fragment(part: Mapping[str, Any]) -> Mapping[str, str] | None:
    """What a tool call says it finalised: `fragmentId`, maybe `commitHash`, `gitFragmentId`."""
    tool = tool_of(part)
    if tool is None or tool[0] != "finalizeWorkingFragment":
        return None
    said = as_object(tool[2]) or {}
    named = {name: value for name, value in said.items() if isinstance(value, str)}
    return named if "fragmentId" in named else None


def written(parts: list[Mapping[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """Paths that the agent wrote, or began to, and the text where that is known to have succeeded."""
    for part in parts:
        inner = as_object(part.get("toolInvocation")) or part
        if _name_of(inner) != "createOrEditFiles":
            continue
        given = as_object(inner.get("input", inner.get("args"))) or {}
        tool = tool_of(part)
        if tool is not None and _failed(tool[2]):
            continue
        path, text = given.get("path"), given.get("content")
        if isinstance(path, str):
            with suppress(Invalid):  # a path that no version may hold
                yield normalise(path), text if tool is not None and isinstance(text, str) else None


def _name_of(part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if isinstance(kind, str) and kind.startswith("tool-") and kind != "tool-invocation":
        return kind.removeprefix("tool-")
    return str(part.get("toolName"))


def _failed(answer: Any) -> bool:
    """Whether the tool's own answer says that nothing came of it."""
    said = as_object(answer) or {}
    return said.get("success") is False or bool(said.get("error"))


def _whole_files(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tool = tool_of(part)
    if tool is None or tool[0] not in ("createOrEditFiles", "readFile") or _failed(tool[2]):
        return
    name, given, answered = tool
    source: Any = given if name == "createOrEditFiles" else answered
    path = (as_object(given) or {}).get("path")
    text = (as_object(source) or {}).get("content", source)
    if isinstance(path, str) and isinstance(text, str):
        yield path, text
