"""The demo model: no language model at all, but it really builds, through the same tools.

It is a `FunctionModel` without state. Each request replays a script against the tool results that the
conversation holds, so it goes on correctly after a server was killed.
"""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from keelway.agent import demo_edits as edits
from keelway.agent.demo_wishes import (
    AddSection,
    Beyond,
    Build,
    Recolour,
    Replace,
    Wish,
    understand,
)

NAME = "demo"
PACE = 0.012
"""Pause after each piece of text, seconds: slow enough to be seen, quick enough to be liked."""
CAN_DO = (
    "This is the demo model: it builds a todo list, a habit tracker or a landing page, and then it can "
    "change one text to another, make the heading, the buttons, the accent, the text or the background "
    "a colour such as blue, or add a section about something; add a model's key for everything else."
)
MANY_FILES = 12
"""Files that a change of words looks into."""


@dataclass(frozen=True, slots=True)
class Move:
    """One model response: a few words, then a tool call."""

    say: str
    tool: str
    args: dict[str, Any]


Script = Generator[Move, str, str]
"""Yields moves, receives each tool's answer, returns the closing words."""


def demo_model(pace: float = PACE) -> FunctionModel:
    """The demo model; `pace` in seconds, 0 in tests."""

    async def stream(
        messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | DeltaToolCalls]:
        del info  # the tools are always the same
        step, move = next_move(messages)
        words = move if isinstance(move, str) else move.say
        for piece in re.findall(r"\S+\s*", words):
            yield piece
            await asyncio.sleep(pace)
        if isinstance(move, Move):
            async for delta in _call(step, move, pace):
                yield delta

    return FunctionModel(stream_function=stream, model_name=NAME)


async def _call(step: int, move: Move, pace: float) -> AsyncIterator[DeltaToolCalls]:
    # An id must not come back in a second attempt at the same step.
    call_id = f"demo-{step + 1}-{secrets.token_hex(4)}"
    yield {0: DeltaToolCall(name=move.tool, tool_call_id=call_id)}
    arguments = json.dumps(move.args)
    for start in range(0, len(arguments), 160):
        yield {0: DeltaToolCall(json_args=arguments[start : start + 160])}
        await asyncio.sleep(pace)


def next_move(messages: Sequence[ModelMessage]) -> tuple[int, Move | str]:
    """Which step the conversation has come to, and what comes now."""
    prompts = [
        (at, str(part.content))
        for at, message in enumerate(messages)
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, UserPromptPart)
    ]
    if not prompts:
        return 0, CAN_DO
    at, prompt = prompts[-1]
    answers = list(_answers(messages[at:]))
    running = script(understand(prompt, first=len(prompts) == 1))
    try:
        move = next(running)
        for answer in answers:
            move = running.send(answer)
    except StopIteration as end:
        return len(answers), str(end.value)
    return len(answers), move


def _answers(messages: Sequence[ModelMessage]) -> Iterator[str]:
    """The tools' answers since the prompt, one for each call, in the order of the calls."""
    said = {
        part.tool_call_id: part.model_response_str()
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    }
    for message in messages:
        if isinstance(message, ModelResponse):
            for part in message.parts:
                if isinstance(part, ToolCallPart) and part.tool_call_id in said:
                    yield said[part.tool_call_id]


def script(wish: Wish) -> Script:
    """The script that fulfils a wish."""
    match wish:
        case Build():
            return _build(wish)
        case Replace():
            return _replace(wish)
        case Recolour():
            return _recolour(wish)
        case AddSection():
            return _add_section(wish)
        case Beyond():
            return _nothing(CAN_DO)


def app_files(wish: Build) -> dict[str, str]:
    """The two files of an app, whole."""
    folder = files("keelway.agent").joinpath("demo_apps")

    def read(name: str) -> str:
        return folder.joinpath(name).read_text(encoding="utf-8")

    source = read(f"{wish.app}.tsx").replace("@@HEADING@@", edits.jsx_text(wish.heading))
    return {
        "src/index.css": read("base.css") + read(f"{wish.app}.css"),
        "src/App.tsx": source.replace("@@LEAD@@", edits.jsx_text(wish.lead)),
    }


_APP_NAMES = {"todo": "a todo list", "habit": "a habit tracker", "landing": "a landing page"}
_CLOSINGS = {
    "todo": "You can add things, tick them off, filter and clear them; they stay after a reload.",
    "habit": "Tick off each day of the last seven and watch the streaks grow.",
    "landing": "It has your words at the top, three reasons, and a form that stays on this page.",
}


def _build(wish: Build) -> Script:
    name = _APP_NAMES[wish.app]
    listing = yield Move(
        f"I'm the demo model, and I'll build {name} called “{wish.heading}”. "
        "First a look at the starter app.",
        "list_files",
        {},
    )
    plan = ("Style the page", f"Write {name}", "Check that it works")
    yield Move("", "todos", _todos(plan, 0))
    written = app_files(wish)
    yield Move(
        "Colours, spacing and type first.",
        "write_file",
        {"path": "src/index.css", "content": written["src/index.css"]},
    )
    yield Move(
        "Now the app itself.",
        "write_file",
        {"path": "src/App.tsx", "content": written["src/App.tsx"]},
    )
    if "index.html" in _paths(listing):
        page = yield Move(
            "The browser tab should have its name too.", "read_file", _of("index.html")
        )
        titled = edits.replace_heading(page, wish.heading)
        if titled != page:
            yield _rewrite("index.html", page, titled)
    yield Move("", "todos", _todos(plan, 2))
    checked = yield Move("Let me check that it works.", "check_app", {})
    yield Move("", "finish", {"title": _build_title(wish)})
    return f"{wish.heading} is ready. {_CLOSINGS[wish.app]}{_worry(checked)}"


def _build_title(wish: Build) -> str:
    name = _APP_NAMES[wish.app]
    default = wish.heading.lower() in name or wish.heading == "Welcome"
    return f"Build {name}" if default else f"Build {name}: {wish.heading}"


def _replace(wish: Replace) -> Script:
    what = "the heading" if wish.old is None else f"“{wish.old}”"
    listing = yield Move(f"I look for {what} in the app.", "list_files", {})
    changed: list[str] = []
    for path in _readable(listing, (".tsx", ".jsx", ".html")):
        source = yield Move("", "read_file", _of(path))
        if wish.old is None:
            new = edits.replace_heading(source, wish.new)
        else:
            new = edits.replace_shown(source, wish.old, wish.new)
        if _whole(source) and new != source:
            yield _rewrite(path, source, new)
            changed.append(path)
    if not changed:
        return f"{what[:1].upper()}{what[1:]} is not on the page, so nothing was changed."
    return (yield from _close(f"Change {what} to “{wish.new}”", f"{what} now says “{wish.new}”."))


def _recolour(wish: Recolour) -> Script:
    listing = yield Move(
        f"I look at the styles, to make the {wish.target} {wish.colour}.", "list_files", {}
    )
    sheets = _readable(listing, (".css",))
    sheets.sort(key=lambda path: (path != "src/index.css", path != "src/App.css", path))
    if not sheets:
        return "The app has no style sheet, so nothing was changed."
    for path in sheets:
        source = yield Move("", "read_file", _of(path))
        if not _whole(source):
            continue
        new = edits.recolour(source, wish.target, wish.colour)
        if new == source:
            return f"The {wish.target} is {wish.colour} already, so nothing was changed."
        yield _rewrite(path, source, new)
        return (
            yield from _close(
                f"Make the {wish.target} {wish.colour}", f"The {wish.target} is {wish.colour} now."
            )
        )
    return "The style sheet is too large for the demo model, so nothing was changed."


def _add_section(wish: AddSection) -> Script:
    listing = yield Move(
        f"A section about {wish.about}: I look at the page first.", "list_files", {}
    )
    pages = _readable(listing, (".tsx", ".jsx"))
    pages.sort(key=lambda path: (path != "src/App.tsx", path))
    for path in pages:
        source = yield Move("", "read_file", _of(path))
        new = edits.add_section(source, wish.about) if _whole(source) else None
        if new is not None:
            yield _rewrite(path, source, new)
            return (
                yield from _close(
                    f"Add a section about {wish.about}",
                    f"The page has a section about {wish.about} now; its words wait for yours.",
                )
            )
    return "I could not find the end of the page, so nothing was changed."


def _close(title: str, words: str) -> Script:
    checked = yield Move("", "check_app", {})
    yield Move("", "finish", {"title": title})
    return f"{words[:1].upper()}{words[1:]}{_worry(checked)}"


def _nothing(words: str) -> Script:
    """A script without moves."""
    return words
    yield Move("", "", {})


def _rewrite(path: str, source: str, new: str) -> Move:
    """The smallest passage that occurs once, as an edit; the whole file where there is none."""
    old_lines, new_lines = source.split("\n"), new.split("\n")
    start = 0
    while start < min(len(old_lines), len(new_lines)) and old_lines[start] == new_lines[start]:
        start += 1
    end = 0
    shorter = min(len(old_lines), len(new_lines)) - start
    while end < shorter and old_lines[-1 - end] == new_lines[-1 - end]:
        end += 1
    start, end = max(0, start - 1), max(0, end - 1)
    before = "\n".join(old_lines[start : len(old_lines) - end])
    after = "\n".join(new_lines[start : len(new_lines) - end])
    if before and source.count(before) == 1:
        return Move("", "edit_file", {"path": path, "old": before, "new": after})
    return Move("", "write_file", {"path": path, "content": new})


def _todos(plan: Sequence[str], done: int) -> dict[str, Any]:
    return {"items": [{"text": text, "done": at < done} for at, text in enumerate(plan)]}


def _of(path: str) -> dict[str, Any]:
    return {"path": path}


def _paths(listing: str) -> list[str]:
    """The paths in the answer of list_files."""
    return re.findall(r"^(.+) \(\d+\)$", listing, re.MULTILINE)


def _readable(listing: str, endings: tuple[str, ...]) -> list[str]:
    return [path for path in _paths(listing) if path.endswith(endings)][:MANY_FILES]


def _whole(source: str) -> bool:
    """The tool showed all of the file; what it cut must never be written back."""
    return "bytes left out …]" not in source


def _worry(checked: str) -> str:
    """What a failed check means to the person; nothing when all is well."""
    failed = re.findall(r"^failed (.+?): (.*)$", checked, re.MULTILINE)
    if not failed:
        return ""
    return " One thing is not right yet: " + "; ".join(f"{name}, {said}" for name, said in failed)
