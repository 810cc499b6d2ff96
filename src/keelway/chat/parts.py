"""What a message is made of, on the wire and in the table.

A `Transcript` follows the chunks of the AI SDK's UI message stream and builds the very parts that the
AI SDK's client builds from them, so what is stored is what was shown. It also decides what may be sent:
after a server was killed, a call that runs again must not be announced again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pydantic_core import from_json

Chunk = dict[str, Any]
Part = dict[str, Any]

CUT_OFF = "Interrupted before it was complete."
MAY_HAVE_RUN = "Interrupted, may have run."

_OPENING = {"text-start": "text", "reasoning-start": "reasoning"}
_DONE = ("output-available", "output-error")


class Transcript:
    """One assistant message, as it grows. `parts` are the AI SDK's, ready for JSON."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.metadata: dict[str, Any] = {}
        self._open: dict[str, Part] = {}
        self._tools: dict[str, Part] = {}
        self._raw: dict[str, str] = {}
        self._data: dict[tuple[str, str], Part] = {}
        self._aliases: dict[str, str] = {}
        self._in_step = False

    def apply(self, chunk: Chunk) -> Chunk | None:
        """Follow one chunk. Returns it as it must be sent, or None when it must not be."""
        chunk = self._renamed(chunk)
        kind: str = chunk["type"]
        if kind.startswith("tool-"):
            return chunk if self._tool(kind, chunk) else None
        if kind.startswith("data-"):
            self._set_data(chunk)
        elif kind in _OPENING:
            self._begin(_OPENING[kind], chunk)
        elif kind in ("text-delta", "reasoning-delta"):
            self._open[chunk["id"]]["text"] += chunk["delta"]
        elif kind in ("text-end", "reasoning-end"):
            self._open.pop(chunk["id"])["state"] = "done"
        elif kind == "start-step":
            self._in_step = True
            self.parts.append({"type": "step-start"})
        elif kind == "finish-step":
            if not self._in_step:
                return None
            self._in_step = False
        self.metadata |= chunk.get("messageMetadata") or {}
        return chunk

    def restore(self, chunks: Iterable[Chunk]) -> None:
        """Follow what an earlier attempt has sent."""
        for chunk in chunks:
            self.apply(chunk)

    def closing(self, going_on: Mapping[str, str] | None = None) -> list[Chunk]:
        """The chunks that close whatever is open.

        Args:
            going_on: Calls that the next run answers, the model's id for each and its name here; they
                are left open.
        """
        going_on = going_on or {}
        self._aliases |= going_on
        kept = set(going_on.values())
        chunks: list[Chunk] = [
            {"type": f"{part['type']}-end", "id": open_id} for open_id, part in self._open.items()
        ]
        for call_id, part in self._tools.items():
            if call_id in kept:
                continue
            if part["state"] == "input-streaming":
                chunks.append(
                    {
                        "type": "tool-input-error",
                        "toolCallId": call_id,
                        "toolName": part["type"].removeprefix("tool-"),
                        "input": self.partial_input(call_id),
                        "errorText": CUT_OFF,
                    }
                )
            elif part["state"] == "input-available":
                chunks.append(
                    {"type": "tool-output-error", "toolCallId": call_id, "errorText": MAY_HAVE_RUN}
                )
        if self._in_step:
            chunks.append({"type": "finish-step"})
        return chunks

    def answers(self) -> dict[str, str]:
        """The answers that were shown, by tool call."""
        return {
            call: str(part["output"])
            for call, part in self._tools.items()
            if part["state"] == "output-available"
        }

    def commands(self) -> frozenset[str]:
        """Calls that started a command: their output part exists."""
        return frozenset(call for kind, call in self._data if kind == "data-command-output")

    def steps(self) -> int:
        """Tool calls that were answered."""
        return sum(part["state"] in _DONE for part in self._tools.values())

    def inputs(self, tool: str) -> Iterator[dict[str, Any]]:
        """The inputs of a tool's answered calls, in order."""
        for part in self._tools.values():
            if part["type"] == f"tool-{tool}" and part["state"] == "output-available":
                yield part["input"]

    def last_text(self) -> str:
        """The text of the newest step."""
        texts: list[str] = []
        for part in self.parts:
            if part["type"] == "step-start":
                texts = []
            elif part["type"] == "text":
                texts.append(part["text"])
        return "".join(texts)

    def _renamed(self, chunk: Chunk) -> Chunk:
        """A model that uses an id of an answered call again gets a new one, as `Calls` gives it."""
        call = chunk.get("toolCallId")
        if call is None:
            return chunk
        if chunk["type"] == "tool-input-start":
            uses, name = 1, call
            while name in self._tools:
                uses += 1
                name = f"{call}#{uses}"
            self._aliases[call] = name
        return {**chunk, "toolCallId": self._aliases.get(call, call)}

    def _begin(self, kind: str, chunk: Chunk) -> None:
        part: Part = {"type": kind, "text": "", "state": "streaming"}
        self._open[chunk["id"]] = part
        self.parts.append(part)

    def _tool(self, kind: str, chunk: Chunk) -> bool:
        call: str = chunk["toolCallId"]
        part = self._tools.get(call)
        if kind in ("tool-input-start", "tool-input-available", "tool-input-error"):
            if part is None:
                part = {"type": f"tool-{chunk['toolName']}", "toolCallId": call, "state": ""}
                self._tools[call] = part
                self.parts.append(part)
            elif part["state"] != "input-streaming":
                return False
        if part is None or part["state"] in _DONE:
            return False
        if kind == "tool-input-delta":
            # Parsed when somebody asks: parsing each delta would cost the square of a file's size.
            self._raw[call] = self._raw.get(call, "") + chunk["inputTextDelta"]
        part |= _change(kind, chunk)
        return True

    def partial_input(self, call: str) -> dict[str, Any]:
        """What has arrived of a call's arguments."""
        try:
            value = from_json(self._raw.get(call) or "{}", allow_partial="trailing-strings")
        except ValueError:
            return {}
        return cast(dict[str, Any], value) if isinstance(value, dict) else {}

    def _set_data(self, chunk: Chunk) -> None:
        if chunk.get("transient"):
            return
        part = {key: chunk[key] for key in ("type", "id", "data") if key in chunk}
        key = (chunk["type"], chunk.get("id", ""))
        known = self._data.get(key) if key[1] else None
        if known is not None:
            known["data"] = chunk["data"]
        else:
            self._data[key] = part
            self.parts.append(part)


def _change(kind: str, chunk: Chunk) -> Part:
    """What a chunk of a tool call sets in its part."""
    match kind:
        case "tool-input-start":
            return {"state": "input-streaming"}
        case "tool-input-available":
            return {"state": "input-available", "input": chunk["input"]}
        case "tool-input-error":
            error = chunk["errorText"]
            return {"state": "output-error", "input": chunk["input"], "errorText": error}
        case "tool-output-available":
            return {"state": "output-available", "output": chunk["output"]}
        case "tool-output-error":
            return {"state": "output-error", "errorText": chunk["errorText"]}
        case _:
            return {}


def merged(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The same stream in fewer chunks: neighbouring deltas joined, replaced data left out."""
    kept: list[Chunk] = []
    data_at: dict[tuple[str, str], int] = {}
    for chunk in chunks:
        before = kept[-1] if kept else {"type": ""}
        field = _DELTAS.get(chunk["type"])
        key = (chunk["type"], chunk.get("id", ""))
        if field is not None and before["type"] == chunk["type"] and _same(before, chunk):
            kept[-1] = {**before, field: before[field] + chunk[field]}
        elif chunk["type"].startswith("data-") and key[1] and key in data_at:
            kept[data_at[key]] = chunk
        else:
            if chunk["type"].startswith("data-"):
                data_at[key] = len(kept)
            kept.append(chunk)
    return kept


_DELTAS = {"text-delta": "delta", "reasoning-delta": "delta", "tool-input-delta": "inputTextDelta"}


def _same(one: Chunk, other: Chunk) -> bool:
    return one.get("id") == other.get("id") and one.get("toolCallId") == other.get("toolCallId")
