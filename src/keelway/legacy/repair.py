"""Find the original of a text that was cut, and prove that it is the one.

Candidates come, best first, from older versions of the same path, from what messages say the agent wrote
or read, and from later versions. Only a candidate whose cut is exactly the stored text is used.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from keelway.errors import Invalid
from keelway.legacy.cut import FILE_LIMIT, proves, units
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
    """Texts long enough to have been cut, by path."""

    def __init__(self) -> None:
        self._by_path: dict[str, list[Candidate]] = {}

    def add(self, path: str, candidate: Candidate) -> None:
        if units(candidate.text) > FILE_LIMIT:
            self._by_path.setdefault(path, []).append(candidate)

    def proof(self, path: str, stored: str, time: str) -> tuple[Candidate, int] | None:
        """The best candidate that proves, and how many *different* texts proved.

        Of those not younger than `time` the youngest is nearest to what was cut; then come later ones,
        oldest first.
        """
        found = [c for c in self._by_path.get(path, []) if proves(path, c.text, stored)]
        if not found:
            return None
        before = [c for c in found if c.time <= time and c.where != "later version"]
        best = max(before, key=lambda c: c.time) if before else min(found, key=lambda c: c.time)
        return best, len({candidate.text for candidate in found})


def message_candidates(
    message: str, time: str, content: str | None
) -> Iterator[tuple[str, Candidate]]:
    """The whole files that a stored message holds, with their paths."""
    for part in parts_of(content):
        for path, text in _whole_files(part):
            try:
                yield normalise(path), Candidate(text, time, "message", message)
            except Invalid:
                continue  # a path that no version may hold has no file to repair


def parts_of(content: str | None) -> list[Mapping[str, Any]]:
    """A message's parts; plain text counts as one. Never raises."""
    try:
        value = json.loads(content or "[]")
    except (ValueError, RecursionError):
        return [{"type": "text", "text": content or ""}]
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    rows = as_list(value)
    return [part for row in (rows if rows is not None else [value]) if (part := as_object(row))]


def tool_of(part: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """Name, input and output of a tool call that ended, in either of the two shapes."""
    kind = part.get("type")
    if not isinstance(kind, str):
        return None
    if kind == "tool-invocation":
        if part.get("state") != "result":
            return None
        return str(part.get("toolName")), part.get("args"), part.get("result")
    if kind.startswith("tool-") and part.get("state") == "output-available":
        return kind.removeprefix("tool-"), part.get("input"), part.get("output")
    return None


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
