from keelway.agent.events import CommandOutput, FragmentMade, tail


def test_the_tail_begins_at_a_whole_line() -> None:
    text = "".join(f"line {number}\n" for number in range(2000))
    end = tail(text, 100)
    assert len(end.encode()) <= 100
    assert end.startswith("line ")
    assert text.endswith(end)


def test_a_short_text_is_its_own_tail() -> None:
    assert tail("all of it") == "all of it"


def test_a_tail_never_splits_a_letter() -> None:
    assert tail("é" * 100, 51) == "é" * 25


def test_a_line_without_end_keeps_its_end() -> None:
    assert tail("x" * 10_000, 100) == "x" * 100
    assert tail("x" * 10_000 + "\n", 100) == "x" * 99 + "\n"


def test_events_become_parts_that_replace_their_earlier_self() -> None:
    made = FragmentMade(shown={"id": "f1", "title": "Write"}).to_payload()
    assert (made.type, made.id, made.data["title"]) == ("data-fragment", "f1", "Write")
    output = CommandOutput(call="c1", output="hello").to_payload()
    assert (output.type, output.id) == ("data-command-output", "c1")
    assert output.data == {"toolCallId": "c1", "output": "hello"}
