from typing import Any

import pytest

from keelway.legacy.cut import cut
from keelway.legacy.repair import Candidate, Candidates, message_candidates, written

HEAD = "const a = 1;\n" * 900
ONE, TWO = HEAD + "// one\n", HEAD + "// two\n"
CUT = cut("a.ts", ONE)


def call(text: str, output: Any, **more: Any) -> dict[str, Any]:
    given = {"path": "a.ts", "content": text}
    state = "output-available"
    return {
        "type": "tool-createOrEditFiles",
        "state": state,
        "input": given,
        "output": output,
        **more,
    }


def learned(*candidates: Candidate) -> Candidates:
    known = Candidates()
    for one in candidates:
        known.add("a.ts", one)
    return known


def proved(known: Candidates, time: str = "t1") -> str | None:
    found = known.proof("a.ts", CUT, time, time)
    known.close()
    return found[0].text if found else None


def test_both_texts_leave_the_same() -> None:
    assert cut("a.ts", TWO) == CUT != ONE


def test_a_write_that_failed_by_its_own_answer_proves_nothing() -> None:
    for output in ({"success": False}, {"error": "no room"}):
        assert list(message_candidates("m", "t", [call(TWO, output)])) == []
        assert list(written([call(TWO, output)])) == []
    assert len(list(message_candidates("m", "t", [call(TWO, {"success": True})]))) == 1
    assert list(written([call("", "done")])) == [("a.ts", "")]


def test_a_write_that_nobody_saw_the_end_of_may_have_happened() -> None:
    begun = {"type": "tool-invocation", "toolName": "createOrEditFiles", "state": "call"}
    assert list(written([{**begun, "args": {"path": "./a.ts", "content": "x"}}])) == [
        ("a.ts", None)
    ]
    assert list(written([{**call("x", None), "state": "input-available"}])) == [("a.ts", None)]


def test_of_several_writes_of_one_moment_the_last_counts() -> None:
    for first, last in ((ONE, TWO), (TWO, ONE)):
        known = learned(
            Candidate(first, "t1", "message", "m"), Candidate(last, "t1", "message", "m")
        )
        assert proved(known) == last


def test_the_nearest_older_one_comes_before_any_later_one() -> None:
    older, later = (
        Candidate(ONE, "t0", "version", "f0"),
        Candidate(TWO, "t2", "later version", "f2"),
    )
    assert proved(learned(later, older)) == ONE


def test_a_later_version_counts_when_nothing_was_written_between() -> None:
    known = learned(Candidate(TWO, "t3", "later version", "f3"))
    for time, stored in (("t1", CUT), ("t2", CUT), ("t3", TWO)):
        known.saw("a.ts", time, stored)
    assert proved(known) == TWO


def test_a_later_version_does_not_count_when_a_message_tells_of_a_write() -> None:
    known = learned(Candidate(TWO, "t3", "later version", "f3"))
    known.wrote("a.ts", "t3")
    assert proved(known) is None


def test_a_later_version_does_not_count_when_another_text_stood_between() -> None:
    known = learned(Candidate(TWO, "t4", "later version", "f4"))
    for time, stored in (("t1", CUT), ("t2", CUT), ("t3", "short"), ("t4", TWO)):
        known.saw("a.ts", time, stored)
    assert proved(known) is None


def test_what_a_later_message_wrote_was_not_there_before() -> None:
    known = learned(Candidate(TWO, "t2", "message", "m"))
    known.wrote("a.ts", "t2")
    assert proved(known) is None


@pytest.mark.parametrize(("then", "text"), [("t0", TWO), ("t1", ONE), ("t2", ONE)])
def test_what_a_row_held_when_a_message_was_written_is_nearer_than_the_message(
    then: str, text: str
) -> None:
    known = learned(Candidate(ONE, "t0", "version", "f0"), Candidate(TWO, "t1", "message", "m"))
    found = known.proof("a.ts", CUT, "t3", "t3", (ONE, then))
    known.close()
    assert found is not None
    assert (found[0].text, found[1]) == (text, 2)
