import json

from keelway.accounts.problems import problem


def test_a_problem_says_what_it_is_in_five_fields() -> None:
    answer = problem(409, "TurnRunning", "A turn is running.", headers={"retry-after": "1"})
    assert answer.media_type == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(bytes(answer.body)) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "code": "TurnRunning",
        "detail": "A turn is running.",
    }
