"""Turns from their prompt to their version, on a real engine."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic_ai.exceptions import (
    ModelAuthenticationError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelUnavailableError,
)
from tests.support.engine import Engine
from tests.support.scripted_model import Call, Fail, command, scripted, write
from tests.support.turns import Conversation, Shown, note, talking
from tests.support.workspaces import Bench, bench, wait_until

from keelway.chat.errors import NothingSaid, PromptTooLong, TurnRunning
from keelway.chat.turns import Turns
from keelway.db.session import Database


@pytest.fixture
async def server(engine: Engine, database: Database, home: Path) -> AsyncIterator[Bench]:
    async with bench(engine, database, home) as made:
        yield made


async def test_a_turn_shows_its_steps_and_ends_as_one_version(server: Bench) -> None:
    model = scripted(
        write("src/one.txt", "one\n"),
        command("echo two > src/two.txt; echo said"),
        Call("finish", {"title": "Add two files"}),
        "Both files are there.",
    )
    async with talking(server, model) as person:
        shown = await person.say("add two files")

        assert shown.status["status"] == "completed"
        assert [part["title"] for part in shown.data("fragment")] == [
            "Write src/one.txt",
            "Run echo two > src/two.txt; echo said",
        ]
        assert shown.text.strip() == "Both files are there."
        version = shown.version
        assert version is not None
        assert (version["number"], version["title"]) == (2, "Add two files")
        assert (version["filesChanged"], version["linesAdded"]) == (2, 2)
        assert len(version["steps"]) == 2
        assert (await person.files())["src/two.txt"] == "two\n"
        assert shown.data("command-output")[-1]["output"] == "said\n"
        assert "Ended with exit code 0.\nsaid" in shown.outputs()


async def test_what_is_stored_is_what_was_shown(server: Bench) -> None:
    model = scripted(write("a.txt", "a"), Call("read_file", {"path": "nowhere"}), "Hello there.")
    async with talking(server, model) as person:
        shown = await person.say("go")
        user, answer = await person.messages()

        assert user["parts"] == [{"type": "text", "text": "go"}]
        assert answer["id"] == shown.of("start")[0]["messageId"]
        assert answer["metadata"]["status"] == "completed"
        assert answer["metadata"]["finishedAt"]
        tools = [part for part in answer["parts"] if part["type"].startswith("tool-")]
        assert [part["state"] for part in tools] == ["output-available", "output-error"]
        assert "There is no file nowhere" in tools[1]["errorText"]


async def test_a_reader_who_comes_late_sees_everything_from_the_first_chunk(server: Bench) -> None:
    model = scripted("One two three four five six seven eight nine ten.", pace=0.05)
    async with talking(server, model) as person:
        turn = await person.begin("count")
        first = asyncio.create_task(person.read(turn.id))
        await asyncio.sleep(0.3)
        late = await person.read(turn.id)
        early = await first

        assert late.chunks == early.chunks
        assert late.lines[-1] == "data: [DONE]\n\n"
        assert early.text.split() == [
            "One",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten.",
        ]
        again = await person.read(turn.id)
        assert again.chunks == early.chunks


async def test_a_second_message_while_a_turn_runs_is_refused(server: Bench) -> None:
    async with talking(server, scripted("a b c d e f g h", pace=0.1)) as person:
        turn = await person.begin("first", idempotency_key="k1")
        with pytest.raises(TurnRunning) as refused:
            await person.begin("second")
        assert refused.value.code == "TurnRunning"
        assert (await person.begin("first", idempotency_key="k1")).id == turn.id
        await person.read(turn.id)
        assert (await person.begin("first", idempotency_key="k1")).id == turn.id


async def test_a_prompt_is_neither_empty_nor_endless(server: Bench) -> None:
    async with talking(server, scripted()) as person:
        with pytest.raises(NothingSaid):
            await person.begin("  \n")
        with pytest.raises(PromptTooLong):
            await person.begin("x" * 100_001)
        assert await person.messages() == []


async def test_a_turn_that_changes_nothing_makes_no_version(server: Bench) -> None:
    async with talking(server, scripted(command("true"), "Nothing to do.")) as person:
        shown = await person.say("look around")
        assert shown.status["status"] == "completed"
        assert shown.version is None
        assert (await server.store.head(person.project.key, "main")).number == 1


async def test_protected_and_outside_paths_are_refused_in_words(server: Bench) -> None:
    model = scripted(
        write("../../etc/passwd", "x"),
        write(".git/config", "x"),
        write("node_modules/x.js", "x"),
        Call("read_file", {"path": ".env"}),
        Call("delete_file", {"path": "src"}),
    )
    async with talking(server, model) as person:
        shown = await person.say("try")
        errors = [chunk["errorText"] for chunk in shown.of("tool-output-error")]
        assert len(errors) == 5
        assert "contains '..'" in errors[0]
        assert "protected" in errors[1]
        assert "protected" in errors[2]
        assert "protected" in errors[3]
        assert "folder" in errors[4]
        assert shown.data("fragment") == []


async def test_arguments_that_make_no_sense_are_shown_as_such_and_do_not_end_the_turn(
    server: Bench,
) -> None:
    model = scripted(Call("write_file", {"path": 7}), Call("fly", {}), write("ok.txt", "ok"))
    async with talking(server, model) as person:
        shown = await person.say("try")
        assert shown.status["status"] == "completed"
        assert (await person.files())["ok.txt"] == "ok"
        assert len(shown.of("tool-input-error")) == 2


async def test_an_id_that_a_model_uses_twice_loses_no_write(server: Bench) -> None:
    model = scripted(
        Call("write_file", {"path": "one", "content": "1"}, id="same"),
        Call("write_file", {"path": "two", "content": "2"}, id="same"),
    )
    async with talking(server, model) as person:
        shown = await person.say("two writes")
        files = await person.files()
        assert (files["one"], files["two"]) == ("1", "2")
        assert [part["toolCallId"] for part in shown.data("fragment")] == ["same", "same#2"]
        ids = [chunk["toolCallId"] for chunk in shown.of("tool-output-available")]
        assert ids == ["same", "same#2"]


async def test_a_stop_keeps_what_was_said_and_done(server: Bench) -> None:
    model = scripted(write("kept.txt", "kept"), "one " * 200, pace=0.02)
    async with talking(server, model) as person:
        turn = await person.begin("write")
        reading = asyncio.create_task(person.read(turn.id))

        async def wrote() -> bool:
            return await _made(person)

        await wait_until(wrote)
        await asyncio.sleep(0.3)
        before = time.monotonic()
        assert await person.turns.stop(person.project)
        shown = await reading
        assert time.monotonic() - before < 2
        assert shown.status["status"] == "stopped"
        assert "one" in shown.text
        assert shown.version is not None
        assert (await person.files())["kept.txt"] == "kept"
        assert await person.turns.running(person.project) is None
        assert not await person.turns.stop(person.project)


async def test_a_stop_through_another_server_works_as_fast(server: Bench) -> None:
    async with talking(server, scripted(command("echo begun; sleep 60"))) as person:
        turn = await person.begin("run")
        shown = Shown()

        async def read() -> None:
            async for line in person.turns.follow(person.project, turn.id):
                note(shown, line)

        reading = asyncio.create_task(read())

        async def begun() -> bool:
            return "begun" in str(shown.data("command-output"))

        await wait_until(begun)
        another = Turns(
            server.database,
            server.store,
            server.leases,
            server.workspaces,
            server.projects,
            server.settings,
        )
        before = time.monotonic()
        assert await another.stop(person.project)

        async def stopping() -> bool:
            return shown.status["status"] in ("stopping", "stopped")

        await wait_until(stopping)
        assert time.monotonic() - before < 0.5
        await reading
        assert shown.status["status"] == "stopped"
        assert "stopping" in [status["status"] for status in shown.data("run-status")]


async def _made(person: Conversation) -> bool:
    return "kept.txt" in await person.files()


CATEGORIES = {
    401: ModelAuthenticationError,
    402: ModelQuotaExceededError,
    429: ModelRateLimitError,
    500: ModelServerError,
    503: ModelUnavailableError,
}


def refusal(status: int, say: str = "") -> Fail:
    def error() -> Exception:
        return ModelHTTPError.for_category(
            CATEGORIES[status], status_code=status, model_name="scripted", retry_after=0.1
        )

    return Fail(error, say)


async def test_a_busy_model_is_asked_again_and_what_was_shown_stays(server: Bench) -> None:
    model = scripted(
        write("a.txt", "a"), "Done at last.", fails=[refusal(429, "Half a sen"), refusal(503)]
    )
    async with talking(server, model) as person:
        shown = await person.say("go")
        assert shown.status["status"] == "completed"
        assert "Half a sen" in shown.text
        assert "Done at last." in shown.text
        said = [status["message"] for status in shown.data("run-status") if status["message"]]
        assert said[0].startswith("The scripted model said 429")


@pytest.mark.parametrize(
    ("status", "code"), [(401, "ModelKeyRefused"), (402, "ModelQuota"), (500, "ModelUnavailable")]
)
async def test_a_failed_model_ends_the_turn_with_one_sentence_and_keeps_the_steps(
    server: Bench, status: int, code: str
) -> None:
    model = scripted(write("a.txt", "a"), refusal(status))
    async with talking(server, model) as person:
        shown = await person.say("go")
        assert shown.status["status"] == "failed"
        assert shown.status["code"] == code
        assert "scripted model" in shown.status["message"]
        assert shown.version is not None
