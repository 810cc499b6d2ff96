"""The picture of UI.md for each set of facts."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from keelway.ids import ProjectId, SandboxId, UserId
from keelway.projects.projects import Project
from keelway.sandboxes.errors import SandboxError, SandboxQuotaExceeded, SandboxUnreachable
from keelway.sandboxes.state import SandboxState
from keelway.workspaces.health import Facts
from keelway.workspaces.memory import Memory
from keelway.workspaces.preview import SILENT, Answer, PreviewState, PreviewStatus
from keelway.workspaces.status import of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PROJECT = Project(
    key=1,
    id=ProjectId("p"),
    name="Daymark",
    user_id=UserId("u"),
    template="react-vite",
    created_at=NOW,
    updated_at=NOW,
    daytona_sandbox_id=SandboxId("s"),
    git_repository_url=None,
    current_branch="main",
    active_fragment_id=None,
    active_number=4,
    git_commit_hash=None,
)
NEW = replace(PROJECT, daytona_sandbox_id=None, active_number=1)
MINIMAL = PreviewStatus("minimal", "npm install failed.", 5173, "E404")
FILES_ONLY = PreviewStatus("files-only", "No machine could be started.", 5173)


@pytest.mark.parametrize(
    ("found", "memory", "project", "state"),
    [
        (Facts(SandboxState.RUNNING, Answer(200)), Memory(), PROJECT, "ready"),
        (Facts(SandboxState.RUNNING, Answer(500)), Memory(), PROJECT, "error"),
        (Facts(SandboxState.RUNNING, SILENT), Memory(), PROJECT, "port-silent"),
        (Facts(SandboxState.RUNNING, SILENT), Memory(outcome=MINIMAL), PROJECT, "minimal"),
        (Facts(SandboxState.RUNNING, Answer(200)), Memory(outcome=MINIMAL), PROJECT, "ready"),
        (Facts(SandboxState.STOPPED), Memory(), PROJECT, "asleep"),
        (Facts(SandboxState.CHANGING), Memory(), PROJECT, "waking"),
        (Facts(SandboxState.GONE), Memory(), PROJECT, "asleep"),
        (Facts(None), Memory(), NEW, "empty"),
        (Facts(None), Memory(), replace(NEW, active_number=None), "asleep"),
        (Facts(None), Memory(outcome=FILES_ONLY), NEW, "files-only"),
        (Facts(None, trouble=SandboxUnreachable("x")), Memory(), PROJECT, "provider-unreachable"),
        (Facts(None, trouble=SandboxQuotaExceeded("5 of 5")), Memory(), PROJECT, "quota"),
        (Facts(None, trouble=SandboxError("x")), Memory(), PROJECT, "error"),
    ],
)
def test_every_set_of_facts_has_its_picture(
    found: Facts, memory: Memory, project: Project, state: PreviewState
) -> None:
    status = of(found, memory, project, 15)
    assert status.state == state
    assert status.message
    assert status.port == 5173


def test_asleep_says_for_how_long_nobody_came() -> None:
    assert "15 minutes" in of(Facts(SandboxState.STOPPED), Memory(), PROJECT, 15).message


def test_an_app_that_answers_again_has_no_past() -> None:
    memory = Memory(outcome=MINIMAL)
    of(Facts(SandboxState.RUNNING, Answer(200)), memory, PROJECT, 15)
    assert memory.outcome is None
