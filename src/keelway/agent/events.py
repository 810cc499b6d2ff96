"""What a running tool tells the page, beside its answer to the model."""

from dataclasses import dataclass
from typing import Any

from pydantic_ai import CustomEvent
from pydantic_ai.ui.vercel_ai.response_types import DataChunk

from keelway.fragments.fragment import Fragment

TAIL = 4096
"""How much of a command's output the page is shown while it runs, bytes."""


def fragment_data(fragment: Fragment) -> dict[str, Any]:
    """A step as the page's `data-fragment` part."""
    return {
        "id": fragment.id,
        "commitHash": fragment.sha,
        "kind": fragment.kind,
        "title": fragment.title,
        "toolCallId": fragment.tool_call_id,
        "filesChanged": fragment.files_changed,
        "linesAdded": fragment.lines_added,
        "linesRemoved": fragment.lines_removed,
    }


@dataclass(kw_only=True)
class FragmentMade(CustomEvent):
    """A step is durable."""

    shown: dict[str, Any]

    def to_payload(self) -> DataChunk:
        return DataChunk(type="data-fragment", id=str(self.shown["id"]), data=self.shown)


@dataclass(kw_only=True)
class CommandOutput(CustomEvent):
    """The end of what a command has printed so far; a later one replaces it."""

    call: str
    output: str

    def to_payload(self) -> DataChunk:
        return output_chunk(self.call, self.output)


def output_chunk(call: str, output: str) -> DataChunk:
    """The part under a running command."""
    return DataChunk(
        type="data-command-output", id=call, data={"toolCallId": call, "output": output}
    )


def tail(text: str, limit: int = TAIL) -> str:
    """The last `limit` bytes, beginning at a whole line where one begins near."""
    raw = text.encode()
    if len(raw) <= limit:
        return text
    cut = raw[-limit:].decode(errors="ignore")
    _, newline, rest = cut.partition("\n")
    return rest if newline and rest else cut
