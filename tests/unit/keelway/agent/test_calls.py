import pytest

from keelway.agent.calls import Calls


def test_a_call_is_named_by_its_id() -> None:
    calls = Calls()
    assert calls.begin("a") == "a"
    assert calls.name("a") == "a"


def test_an_id_that_comes_again_gets_a_name_of_its_own() -> None:
    calls = Calls()
    assert [calls.begin("a"), calls.begin("b"), calls.begin("a")] == ["a", "b", "a#2"]
    assert calls.name("a") == "a#2"


def test_calls_of_an_earlier_attempt_count() -> None:
    calls = Calls()
    calls.seen(["a", "a"])
    assert calls.begin("a") == "a#3"
    assert calls.begin("b") == "b"


def test_a_call_that_never_began_has_no_name() -> None:
    with pytest.raises(KeyError):
        Calls().name("a")
    with pytest.raises(KeyError):
        Calls().name(None)
