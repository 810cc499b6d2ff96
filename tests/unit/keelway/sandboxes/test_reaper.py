"""Which machines nobody needs. That they are deleted is proved on a real engine."""

from datetime import UTC, datetime, timedelta

import pytest

from keelway.sandboxes.manager import PROJECT, TEMPLATE
from keelway.sandboxes.reaper import age, needed

IN_USE = {"one": "box-1", "asleep": None}


@pytest.mark.parametrize(
    ("labels", "sandbox", "answer"),
    [
        ({PROJECT: "one"}, "box-1", True),
        ({PROJECT: "one"}, "its-twin", False),
        ({PROJECT: "asleep"}, "box-2", True),
        ({PROJECT: "deleted"}, "box-3", False),
        ({TEMPLATE: "keelway-x"}, "builder", False),
        ({}, "unlabelled", False),
    ],
)
def test_a_machine_is_needed_by_the_project_that_uses_it(
    labels: dict[str, str], sandbox: str, answer: bool
) -> None:
    assert needed(labels, sandbox, IN_USE) is answer


def test_an_age_unknown_is_young() -> None:
    assert age(None) == timedelta(0)
    hour = datetime.now(UTC) - timedelta(hours=1)
    assert age(hour.isoformat().replace("+00:00", "Z")) > timedelta(minutes=59)
