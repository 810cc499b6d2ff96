from keelway.chat.parts import CUT_OFF, MAY_HAVE_RUN, Chunk, Transcript, merged


def text(words: str, part: str = "t1") -> list[Chunk]:
    return [
        {"type": "text-start", "id": part},
        {"type": "text-delta", "id": part, "delta": words},
        {"type": "text-end", "id": part},
    ]


def call(name: str, answer: str | None = None, tool: str = "write_file") -> list[Chunk]:
    chunks: list[Chunk] = [
        {"type": "tool-input-start", "toolCallId": name, "toolName": tool},
        {"type": "tool-input-delta", "toolCallId": name, "inputTextDelta": '{"path": "a'},
        {
            "type": "tool-input-available",
            "toolCallId": name,
            "toolName": tool,
            "input": {"path": "a"},
        },
    ]
    if answer is not None:
        chunks.append({"type": "tool-output-available", "toolCallId": name, "output": answer})
    return chunks


def after(*chunks: Chunk) -> Transcript:
    transcript = Transcript()
    transcript.restore(chunks)
    return transcript


def test_parts_are_what_the_client_makes_of_the_chunks() -> None:
    transcript = after({"type": "start-step"}, *text("Hello"), *call("c1", "Wrote a."))
    assert transcript.parts == [
        {"type": "step-start"},
        {"type": "text", "text": "Hello", "state": "done"},
        {
            "type": "tool-write_file",
            "toolCallId": "c1",
            "state": "output-available",
            "input": {"path": "a"},
            "output": "Wrote a.",
        },
    ]


def test_metadata_is_merged() -> None:
    transcript = after(
        {
            "type": "start",
            "messageId": "m",
            "messageMetadata": {"turnId": "t", "status": "working"},
        },
        {"type": "message-metadata", "messageMetadata": {"status": "completed"}},
    )
    assert transcript.metadata == {"turnId": "t", "status": "completed"}


def test_data_with_the_same_id_replaces_its_earlier_self_in_place() -> None:
    transcript = after(
        {"type": "data-run-status", "id": "run", "data": 1},
        *text("between"),
        {"type": "data-run-status", "id": "run", "data": 2},
        {"type": "data-note", "id": "n", "data": 3, "transient": True},
    )
    assert transcript.parts[0] == {"type": "data-run-status", "id": "run", "data": 2}
    assert len(transcript.parts) == 2


def test_a_call_that_runs_again_after_a_kill_is_not_announced_again() -> None:
    transcript = after(*call("c1"))
    assert transcript.apply(call("c1")[2]) is None
    answer: Chunk = {"type": "tool-output-available", "toolCallId": "c1", "output": "Wrote a."}
    assert transcript.apply(answer) == answer
    assert transcript.apply(answer) is None
    assert transcript.answers() == {"c1": "Wrote a."}


def test_an_id_used_again_by_the_model_becomes_a_part_of_its_own() -> None:
    transcript = after(*call("c1", "one"), {"type": "start-step"}, *call("c1", "two"))
    assert transcript.answers() == {"c1": "one", "c1#2": "two"}


def test_what_is_open_is_closed_and_what_will_be_answered_is_not() -> None:
    transcript = after(
        {"type": "start-step"},
        *text("half")[:2],
        *call("cut")[:2],
        *call("waits", tool="run_command"),
    )
    closing = transcript.closing({"waits": "waits"})
    assert [chunk["type"] for chunk in closing] == ["text-end", "tool-input-error", "finish-step"]
    assert closing[1]["input"] == {"path": "a"}
    assert closing[1]["errorText"] == CUT_OFF
    transcript.restore(closing)
    assert transcript.closing({"waits": "waits"}) == []
    last = transcript.closing()
    assert last == [{"type": "tool-output-error", "toolCallId": "waits", "errorText": MAY_HAVE_RUN}]


def test_a_call_that_goes_on_keeps_its_part_even_when_its_id_was_used_before() -> None:
    transcript = after(*call("c1", "one"), {"type": "start-step"}, *call("c1")[:2])
    again = Transcript()
    again.restore(
        [*call("c1", "one"), {"type": "start-step"}, {**call("c1")[0], "toolCallId": "c1#2"}]
    )
    assert [chunk["type"] for chunk in again.closing({"c1": "c1#2"})] == ["finish-step"]
    again.restore(call("c1", "two")[2:])
    assert again.answers() == {"c1": "one", "c1#2": "two"}
    assert [chunk["type"] for chunk in transcript.closing()] == ["tool-input-error", "finish-step"]


def test_a_step_is_finished_once() -> None:
    transcript = after({"type": "start-step"})
    assert transcript.apply({"type": "finish-step"}) is not None
    assert transcript.apply({"type": "finish-step"}) is None


def test_it_knows_what_was_done() -> None:
    transcript = after(
        *call("f", "named", tool="finish"),
        {"type": "data-command-output", "id": "c2", "data": {}},
        *call("open"),
    )
    assert list(transcript.inputs("finish")) == [{"path": "a"}]
    assert transcript.commands() == frozenset({"c2"})
    assert transcript.steps() == 1


def test_the_last_text_is_the_newest_steps() -> None:
    transcript = after(
        *text("old"), {"type": "start-step"}, *text("new ", "2"), *text("words", "3")
    )
    assert transcript.last_text() == "new words"


def test_broken_arguments_are_shown_as_far_as_they_make_sense() -> None:
    transcript = after(
        {"type": "tool-input-start", "toolCallId": "c", "toolName": "t"},
        {"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": "[1, 2"},
    )
    assert transcript.partial_input("c") == {}
    assert transcript.partial_input("unknown") == {}


def test_merging_changes_nothing_that_can_be_seen() -> None:
    chunks: list[Chunk] = [
        {"type": "text-start", "id": "t"},
        {"type": "text-delta", "id": "t", "delta": "a"},
        {"type": "text-delta", "id": "t", "delta": "b"},
        {"type": "data-x", "id": "1", "data": 1},
        {"type": "text-delta", "id": "t", "delta": "c"},
        {"type": "data-x", "id": "1", "data": 2},
        {"type": "data-x", "id": "2", "data": 3},
        {"type": "text-end", "id": "t"},
    ]
    fewer = merged(chunks)
    assert len(fewer) == 6
    assert after(*fewer).parts == after(*chunks).parts
