"""Every tool, as the model meets it, in a real sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.engine import Engine
from tests.support.scripted_model import Call, Move, command, scripted, write
from tests.support.turns import Conversation, Shown, talking
from tests.support.workspaces import Bench, bench

from keelway.db.session import Database


@pytest.fixture
async def server(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


async def did(server: Bench, *moves: Move) -> tuple[list[str], Shown, Conversation]:
    """What each call was answered, in order, errors included."""
    async with talking(server, scripted(*moves)) as person:
        shown = await person.say("go")
        assert shown.status["status"] == "completed"
        kinds = ("tool-output-available", "tool-output-error", "tool-input-error")
        answers = [chunk for chunk in shown.chunks if chunk["type"] in kinds]
        return [str(a.get("output", a.get("errorText"))) for a in answers], shown, person


def call(tool: str, **args: Any) -> Call:
    return Call(tool, args)


async def test_files_are_listed_read_found_edited_moved_and_deleted(server: Bench) -> None:
    answers, shown, person = await did(
        server,
        write("notes/one.md", "first\nsecond\nthird\n"),
        write("notes/one.md", "first\nsecond\nthird\n"),
        call("list_files", under="notes"),
        call("read_file", path="notes/one.md"),
        call("read_file", path="./notes/one.md", start=2, end=2),
        call("read_file", path="/home/daytona/workspace/notes/one.md", start=9),
        call("search", pattern="sec.nd|third", under="notes"),
        call("search", pattern="not to be found"),
        call("edit_file", path="notes/one.md", old="second", new="2nd"),
        call("edit_file", path="notes/one.md", old="second", new="2nd"),
        call("edit_file", path="notes/one.md", old="d", new="x"),
        call("move_file", path="notes/one.md", to="notes/two.md"),
        call("move_file", path="notes/two.md", to="index.html"),
        call("delete_file", path="notes/two.md"),
        call("delete_file", path="notes/two.md"),
    )
    assert answers[0] == "Wrote notes/one.md."
    assert "already had exactly this content" in answers[1]
    assert answers[2] == "notes/one.md (19)"
    assert answers[3] == "first\nsecond\nthird\n"
    assert answers[4] == "second"
    assert "nothing in 9" in answers[5]
    assert answers[6] == "notes/one.md:2: second\nnotes/one.md:3: third"
    assert answers[7] == 'No line matches "not to be found".'
    assert answers[8] == "Edited notes/one.md."
    assert "does not contain that passage" in answers[9]
    assert "occurs 2 times" in answers[10] or "occurs 3 times" in answers[10]
    assert answers[11] == "Moved notes/one.md to notes/two.md."
    assert "already a file index.html" in answers[12]
    assert answers[13] == "Deleted notes/two.md."
    assert "There is no file notes/two.md" in answers[14]
    titles = [part["title"] for part in shown.data("fragment")]
    assert titles == [
        "Write notes/one.md",
        "Edit notes/one.md",
        "Move notes/one.md to notes/two.md",
        "Delete notes/two.md",
    ]
    assert "notes/two.md" not in await person.files()


async def test_a_command_is_watched_limited_and_its_changes_kept(server: Bench) -> None:
    answers, shown, person = await did(
        server,
        command("echo out; echo err >&2; echo made > made.txt; exit 4"),
        command("sleep 30", seconds=1),
        command(" "),
        command("head -c 300000 /dev/zero | tr '\\0' x"),
        command("mkdir -p node_modules/p; echo x > node_modules/p/x.js"),
    )
    assert answers[0] == "Ended with exit code 4.\nout\nerr"
    assert answers[1].startswith("Stopped at the time limit of 1 s.")
    assert "empty" in answers[2]
    assert len(answers[3]) < 66_000
    assert "left out" in answers[3]
    assert answers[4].startswith("Ended with exit code 0.")
    assert [part["kind"] for part in shown.data("fragment")] == ["command"]
    assert (await person.files())["made.txt"] == "made\n"
    first = shown.data("command-output")
    assert all(len(part["output"].encode()) <= 4096 for part in first)


async def test_only_packages_are_installed(server: Bench) -> None:
    answers, shown, person = await did(
        server,
        call("install_packages", packages=["--registry=http://evil.example", "left"]),
        call("install_packages", packages=["../outside"]),
        call("install_packages", packages=[]),
        call("install_packages", packages=["clsx@2"]),
    )
    assert "is not the name of an npm package" in answers[0]
    assert "is not the name of an npm package" in answers[1]
    assert "at least one" in answers[2]
    assert answers[3] == "Installed clsx@2.", answers[3]
    assert '"clsx"' in (await person.files())["package.json"]
    assert shown.data("fragment")[-1]["title"] == "Install clsx@2"


async def test_the_app_is_checked_planned_and_named(server: Bench) -> None:
    answers, shown, _ = await did(
        server,
        call("todos", items=[{"text": "one", "done": True}, {"text": "two"}]),
        call("check_app"),
        write("src/App.tsx", "export const App = (): number => 'not a number'\n"),
        call("check_app"),
        call("finish", title="  "),
        call("finish", title="Break the\n types"),
    )
    assert answers[0] == "1 of 2 done."
    assert answers[1].startswith("Every check passed.")
    assert "checks failed." in answers[3]
    assert "failed types" in answers[3]
    assert "empty" in answers[4]
    assert shown.version is not None
    assert shown.version["title"] == "Break the types"


async def test_bytes_that_are_no_text_are_not_shown_as_such(server: Bench) -> None:
    answers, _, _ = await did(
        server,
        command("printf '\\x00\\x01\\x02' > data.bin; printf '\\xff\\xfe' > odd.txt"),
        call("read_file", path="data.bin"),
        call("read_file", path="odd.txt"),
    )
    assert "is not text (3 bytes)" in answers[1]
    assert "is not UTF-8 text" in answers[2]
