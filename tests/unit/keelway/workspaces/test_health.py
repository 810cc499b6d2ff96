"""Four answers from what is known; what is not known is called unknown."""

import pytest

from keelway.sandboxes.errors import SandboxUnreachable
from keelway.sandboxes.state import SandboxState
from keelway.workspaces.health import Condition, Facts, judge
from keelway.workspaces.memory import Memory
from keelway.workspaces.preview import SILENT, Answer

EQUAL = Memory(equal_to="tree")


@pytest.mark.parametrize(
    ("found", "memory", "states"),
    [
        (Facts(SandboxState.RUNNING, Answer(200)), EQUAL, ("fine", "fine", "fine", "fine")),
        (Facts(SandboxState.RUNNING, Answer(500)), EQUAL, ("fine", "fine", "fine", "broken")),
        (Facts(SandboxState.RUNNING, SILENT), EQUAL, ("fine", "fine", "broken", "broken")),
        (Facts(SandboxState.RUNNING, SILENT), Memory(), ("fine", "unknown", "broken", "broken")),
        (
            Facts(SandboxState.RUNNING, Answer(200)),
            Memory(equal_to="tree", stale=True),
            ("fine", "broken", "fine", "fine"),
        ),
        (Facts(SandboxState.STOPPED), EQUAL, ("unknown", "fine", "unknown", "unknown")),
        (Facts(SandboxState.GONE), EQUAL, ("broken", "fine", "unknown", "unknown")),
        (Facts(None), Memory(), ("unknown", "fine", "unknown", "unknown")),
        (
            Facts(None, trouble=SandboxUnreachable("no answer")),
            EQUAL,
            ("unknown", "fine", "unknown", "unknown"),
        ),
        (
            Facts(SandboxState.RUNNING, SILENT),
            Memory(progress=("installing", "Installing packages")),
            ("fine", "now", "now", "now"),
        ),
    ],
)
def test_each_part_is_judged_by_itself(
    found: Facts, memory: Memory, states: tuple[Condition, ...]
) -> None:
    health = judge(found, memory, "tree", "v3")
    parts = (health.machine, health.files, health.dev_server, health.page)
    assert tuple(part.state for part in parts) == states
    assert all(part.message for part in parts)


def test_a_page_says_its_status() -> None:
    health = judge(Facts(SandboxState.RUNNING, Answer(200)), EQUAL, "tree", "v3")
    assert health.page.message == "Page 200"
    assert "v3" in health.files.message
