from datetime import UTC, datetime

from keelway.chat.turn import Turn, first_words, start_chunk, status_chunk
from keelway.ids import TurnId, UserId

TURN = Turn(
    id=TurnId("t1"),
    project=1,
    user_id=UserId("u"),
    status="working",
    prompt="p",
    model=None,
    fence=1,
    attempt=0,
    cancel_requested=False,
    history=None,
    base_tree=None,
    started_at=datetime(2026, 11, 24, tzinfo=UTC),
)


def test_the_answers_id_is_the_same_in_every_attempt() -> None:
    assert start_chunk(TURN)["messageId"] == start_chunk(TURN)["messageId"] == "answer-t1"


def test_the_status_says_who_and_since_when() -> None:
    data = status_chunk(TURN, "working", 3)["data"]
    assert (data["turnId"], data["status"], data["step"]) == ("t1", "working", 3)
    assert data["startedAt"] == "2026-11-24T00:00:00+00:00"


def test_a_title_is_the_prompts_first_words() -> None:
    assert first_words("  make\nit  blue ") == "make it blue"
    assert first_words("one two three four", 12) == "one two…"
    assert first_words("x" * 100, 10) == "x" * 10 + "…"
