from typing import Any

from pydantic_ai.messages import ModelRequest, ModelResponse, UserPromptPart

from keelway.chat.history import BUDGET, LONGEST, context


def said(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def test_the_conversation_is_told_with_what_it_became() -> None:
    version = {"type": "data-version", "id": "f", "data": {"number": 2, "title": "Build a list"}}
    messages = context([("user", said("a list")), ("assistant", [*said("Here it is."), version])])
    request, response = messages
    assert isinstance(request, ModelRequest)
    assert isinstance(response, ModelResponse)
    assert request.parts[0].content == "a list"  # pyright: ignore[reportAttributeAccessIssue]
    assert response.text == "Here it is.\n(Kept as v2: Build a list)"


def test_the_newest_is_kept_within_the_budget_and_begins_with_the_person() -> None:
    long = "x" * (LONGEST - 1)
    pairs = [(role, said(long)) for _ in range(20) for role in ("user", "assistant")]
    messages = context([*pairs, ("user", said("newest"))])
    assert isinstance(messages[0], ModelRequest)
    assert len(messages) <= BUDGET // LONGEST + 2
    assert messages[-1].parts[0].content == "newest"  # pyright: ignore[reportAttributeAccessIssue]


def test_an_endless_message_is_cut() -> None:
    (message,) = context([("user", said("y" * 50_000))])
    (part,) = message.parts
    assert isinstance(part, UserPromptPart)
    assert len(str(part.content)) == LONGEST


def test_messages_without_words_are_left_out() -> None:
    assert context([("assistant", [{"type": "step-start"}])]) == []
    assert context([]) == []
