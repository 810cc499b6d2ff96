"""Find the original of a text that was cut, and prove that it is the one.

Candidates come, best first, from older versions of the same path, from what messages say the agent wrote
or read, and from later versions. Only a candidate whose cut is exactly the stored text is used.
"""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from keelway.errors import Invalid
from keelway.legacy.cut import FILE_LIMIT, cuts, settled, units
from keelway.legacy.files import normalise
from keelway.legacy.untyped import as_list, as_object

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
        self._table.execute("CREATE TABLE done (path TEXT, text BLOB, cut BLOB, PRIMARY KEY (path, text, cut))")  # fmt: skip

    def add(self, path: str, candidate: Candidate) -> None:
        text = candidate.text
        if len(text) * 2 <= FILE_LIMIT or units(text) <= FILE_LIMIT:
            return
        raw = text.encode("utf-8", "surrogatepass")
        name = hashlib.sha256(raw).digest()
        self._table.execute(
            "INSERT OR IGNORE INTO text VALUES (?, ?)", (name, zlib.compress(raw, 1))
        )
        for left in self._cuts(path, text, name):
            self._table.execute(
                "INSERT INTO known VALUES (?, ?, ?, ?, ?, ?)",
                (path, left, name, candidate.time, candidate.where, candidate.origin),
            )

    def proof(self, path: str, stored: str, time: str) -> tuple[Candidate, int] | None:
        """The best candidate that proves, and how many *different* texts proved.

        Of those not younger than `time` the youngest is nearest to what was cut; then come later ones,
        oldest first.
        """
        found = self._table.execute(
            "SELECT time, place, origin, text FROM known WHERE path = ? AND cut = ?",
            (path, _digest(settled(stored))),
        ).fetchall()
        if not found:
            return None
        before = [row for row in found if row[0] <= time and row[1] != "later version"]
        best = max(before) if before else min(found)
        body = self._table.execute("SELECT body FROM text WHERE digest = ?", (best[3],)).fetchone()
        text = zlib.decompress(body[0]).decode("utf-8", "surrogatepass")
        return Candidate(text, best[0], best[1], best[2]), len({row[3] for row in found})

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


def emptied(parts: list[Mapping[str, Any]]) -> Iterator[str]:
    """The paths that the agent wrote nothing into, successfully."""
    for part in parts:
        tool = tool_of(part)
        if tool is None or tool[0] != "createOrEditFiles":
            continue
        given = as_object(tool[1]) or {}
        path = given.get("path")
        if given.get("content") == "" and isinstance(path, str):
            with suppress(Invalid):  # a path that no version may hold
                yield normalise(path)


def parts_of(content: str | None) -> list[Mapping[str, Any]]:
    """A message's parts; plain text counts as one. Never raises."""
    try:
        value = json.loads(content or "[]")
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


def _whole_files(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tool = tool_of(part)
    if tool is None or tool[0] not in ("createOrEditFiles", "readFile"):
        return
    name, given, answered = tool
    source: Any = given if name == "createOrEditFiles" else answered
    path = (as_object(given) or {}).get("path")
    text = (as_object(source) or {}).get("content", source)
    if isinstance(path, str) and isinstance(text, str):
        yield path, text
