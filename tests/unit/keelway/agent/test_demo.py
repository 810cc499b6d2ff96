"""The demo model's scripts, played against a small memory of files instead of tools."""

import json
import re
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from keelway.agent.demo import CAN_DO, Move, app_files, next_move
from keelway.agent.demo_wishes import Build

STARTER = {
    "index.html": "<html><head><title>New app</title></head><body></body></html>\n",
    "package.json": "{}",
    "src/App.tsx": "export default function App() {\n  return (\n    <main>\n      <h1>Hi</h1>\n    </main>\n  )\n}\n",
    "src/index.css": "h1 { margin: 0 }\n",
}


class Person:
    """A conversation: what was said, and the files as the tools would leave them."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = dict(STARTER if files is None else files)
        self.messages: list[ModelMessage] = []
        self.moves: list[Move] = []

    def say(self, prompt: str) -> str:
        self.messages.append(ModelRequest(parts=[UserPromptPart(prompt)]))
        self.moves = []
        while True:
            step, move = next_move(self.messages)
            if isinstance(move, str):
                self.messages.append(ModelResponse(parts=[TextPart(move)]))
                return move
            self.moves.append(move)
            call = ToolCallPart(move.tool, move.args, tool_call_id=f"{len(self.messages)}-{step}")
            answer = ToolReturnPart(move.tool, self.act(move), tool_call_id=call.tool_call_id)
            self.messages += [ModelResponse(parts=[call]), ModelRequest(parts=[answer])]

    def act(self, move: Move) -> str:
        args: dict[str, Any] = json.loads(json.dumps(move.args))
        match move.tool:
            case "list_files":
                return "\n".join(f"{path} ({len(text)})" for path, text in self.files.items())
            case "read_file":
                return self.files[args["path"]]
            case "write_file":
                self.files[args["path"]] = args["content"]
            case "edit_file":
                source = self.files[args["path"]]
                assert source.count(args["old"]) == 1
                self.files[args["path"]] = source.replace(args["old"], args["new"])
            case "check_app":
                return "Every check passed.\npassed types: No errors."
            case _:
                assert move.tool in ("todos", "finish")
        return "Done."

    @property
    def title(self) -> str | None:
        titles = [move.args["title"] for move in self.moves if move.tool == "finish"]
        return titles[-1] if titles else None

    @property
    def read(self) -> list[str]:
        return [move.args["path"] for move in self.moves if move.tool == "read_file"]


@pytest.mark.parametrize(
    ("prompt", "heading", "title"),
    [
        ("a todo list", "Todo list", "Build a todo list"),
        ("a habit tracker called Daymark", "Daymark", "Build a habit tracker: Daymark"),
        ("a landing page for Bean House", "Bean House", "Build a landing page: Bean House"),
    ],
)
def test_each_app_is_built_checked_and_named(prompt: str, heading: str, title: str) -> None:
    person = Person()
    assert person.say(prompt).startswith(f"{heading} is ready.")
    assert f"<h1>{heading}</h1>" in person.files["src/App.tsx"]
    assert f"<title>{heading}</title>" in person.files["index.html"]
    assert [move.tool for move in person.moves][-2:] == ["check_app", "finish"]
    assert person.title == title
    assert "@@" not in "".join(person.files.values())


def test_an_app_without_a_page_of_its_own_is_built_all_the_same() -> None:
    person = Person({"src/App.tsx": "old"})
    person.say("a todo list")
    assert "<h1>Todo list</h1>" in person.files["src/App.tsx"]
    assert person.title


@pytest.mark.parametrize("app", ["todo", "habit", "landing"])
def test_each_follow_up_works_on_each_app(app: str) -> None:
    wishes = {"todo": "a todo list", "habit": "a habit tracker", "landing": "a landing page for Us"}
    person = Person()
    person.say(wishes[app])
    heading = re.search(r"<h1>(.*)</h1>", person.files["src/App.tsx"])
    assert heading is not None

    person.say(f"change {heading[1]} to Another name")
    assert "<h1>Another name</h1>" in person.files["src/App.tsx"]
    assert "src/App.tsx" in person.read
    person.say("make the heading blue")
    assert "--heading: #1f5fd1;" in person.files["src/index.css"]
    assert "src/index.css" in person.read
    person.say("add a section about opening hours")
    assert "<h2>Opening hours</h2>" in person.files["src/App.tsx"]
    assert person.title == "Add a section about opening hours"


def test_follow_ups_work_on_what_a_person_wrote_by_hand() -> None:
    person = Person()
    person.say("a todo list")
    person.files["src/App.tsx"] = (
        "export function App() {\n  return (\n    <div>\n      <h1>My own words</h1>\n    </div>\n  )\n}\n"
    )
    person.files["src/index.css"] = ".mine h1 { color: red }\nbutton { background: #eee }\n"

    assert "now says" in person.say('change "My own words" to "Yours & mine"')
    assert "<h1>Yours &amp; mine</h1>" in person.files["src/App.tsx"]
    person.say("make the heading green")
    assert ".mine h1 { color: #1c7c3c }" in person.files["src/index.css"]
    person.say("make the buttons purple")
    assert "button { background: #7a2fa8 }" in person.files["src/index.css"]
    person.say("make the accent blue")
    assert "--accent: #1f5fd1" in person.files["src/index.css"]
    person.say("add a section about us")
    assert person.files["src/App.tsx"].index("<section") < person.files["src/App.tsx"].index(
        "</div>"
    )


@pytest.mark.parametrize(
    "prompt", ["write me a poem", "make the items bigger", "add a login page", "thanks"]
)
def test_any_other_wish_gets_one_sentence_and_changes_nothing(prompt: str) -> None:
    person = Person()
    person.say("a todo list")
    before = dict(person.files)
    assert person.say(prompt) == CAN_DO
    assert person.files == before
    assert person.moves == []
    assert CAN_DO.count(". ") == 0


def test_what_is_not_there_is_not_changed_and_said() -> None:
    person = Person()
    said = person.say("change Nowhere to Somewhere")
    assert said == "“Nowhere” is not on the page, so nothing was changed."
    assert person.files == STARTER
    assert person.title is None


def test_a_colour_that_is_there_already_makes_no_change() -> None:
    person = Person()
    person.say("make the heading blue")
    assert "already" in person.say("make the heading blue")
    assert person.title is None


def test_a_file_that_was_not_shown_whole_is_never_written_back() -> None:
    large = STARTER["src/App.tsx"] + "[… 5 bytes left out …]"
    person = Person({**STARTER, "src/App.tsx": large})
    person.say("add a section about us")
    assert person.files["src/App.tsx"] == large


def test_a_failed_check_is_not_hidden() -> None:
    class Unlucky(Person):
        def act(self, move: Move) -> str:
            if move.tool == "check_app":
                return "1 of 2 checks failed.\nfailed types: 2 errors."
            return super().act(move)

    assert "One thing is not right yet: types, 2 errors." in Unlucky().say("a todo list")


def test_a_name_with_code_in_it_stays_text() -> None:
    files = app_files(Build("todo", "{alert(1)} <b>", ""))
    assert "<h1>&#123;alert(1)&#125; &lt;b&gt;</h1>" in files["src/App.tsx"]
