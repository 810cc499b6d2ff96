"""The old chat's messages as the new chat shows them: parts that the page knows, and links to versions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from keelway.fragments.build import plain
from keelway.legacy.repair import made_fragment, parts_of
from keelway.legacy.source import Row
from keelway.legacy.untyped import as_object
from keelway.legacy.values import text_of

Part = dict[str, Any]

NAMES = {
    "createOrEditFiles": "write_file",
    "readFile": "read_file",
    "finalizeWorkingFragment": "finish",
    "deleteFile": "delete_file",
    "listFiles": "list_files",
    "runCommand": "run_command",
    "terminal": "run_command",
}
"""What a tool is called here that does the same; others keep their names."""
UNFINISHED = "The old system never finished this step."


def parts(row: Row) -> tuple[list[Part], list[str]]:
    """The parts to show, and the old ids of the fragments that this message made."""
    made: list[str] = []
    shown: list[Part] = []
    for at, part in enumerate(parts_of(row.get("content"))):
        if (said := made_fragment(part)) is not None:
            made.append(said["fragmentId"])
        shown += _part(part, f"{row.get('id')}-{at}")
    return shown, made


def from_first_version(row: Row) -> list[Part]:
    """A message of the first version: plain text."""
    return [_text(row.get("content") or "")]


def role(row: Row) -> str:
    return "user" if (row.get("role") or "").upper() == "USER" else "assistant"


def _part(part: Mapping[str, Any], call: str) -> Iterator[Part]:
    kind = text_of(part.get("type"))
    if kind in ("text", "reasoning"):
        text = part.get("text", part.get(kind))
        yield {**_text(text_of(text)), "type": kind}
    elif kind == "step-start":
        yield {"type": "step-start"}
    elif kind == "tool-invocation":
        inner = as_object(part.get("toolInvocation")) or part
        yield _tool(
            text_of(inner.get("toolName")),
            text_of(inner.get("toolInvocationId")) or text_of(inner.get("toolCallId")) or call,
            inner.get("args"),
            inner.get("result") if inner.get("state") == "result" else None,
            None if inner.get("state") == "result" else UNFINISHED,
        )
    elif kind.startswith("tool-"):
        done = part.get("state") == "output-available"
        error = None if done else text_of(part.get("errorText")) or UNFINISHED
        called = text_of(part.get("toolCallId")) or call
        yield _tool(
            kind.removeprefix("tool-"), called, part.get("input"), part.get("output"), error
        )
    elif kind == "file" and isinstance(part.get("url"), str):
        yield {key: part[key] for key in ("type", "url", "mediaType", "filename") if key in part}
    elif kind:
        # Not a part the page knows: kept under a name that it leaves alone.
        yield {"type": f"data-legacy-{kind.removeprefix('data-')}", "data": dict(part)}


def _tool(name: str, call: str, given: Any, answer: Any, error: str | None) -> Part:
    part: Part = {
        "type": f"tool-{NAMES.get(name, name) or 'unknown'}",
        "toolCallId": call,
        "input": given if as_object(given) is not None else {"input": given},
    }
    if error is not None:
        return {**part, "state": "output-error", "errorText": error}
    return {**part, "state": "output-available", "output": answer}


def _text(text: str) -> Part:
    return {"type": "text", "text": text, "state": "done"}


def dumps(value: Any) -> str:
    """JSON that both databases take: no NUL, no half characters."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return plain(text).replace("\\u0000", "")
