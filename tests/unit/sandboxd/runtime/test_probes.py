"""What doctor says: the truth about this machine, and a next action for every problem."""

import os
import platform

import pytest

from sandboxd.runtime import limits
from sandboxd.runtime.limits import Limiter
from sandboxd.runtime.probes import Facts, explain, probe


def test_this_machine_is_probed_by_starting_a_machine() -> None:
    found = {finding.name: finding for finding in probe()}
    assert found["isolation"].ok, found["isolation"]
    assert "namespaces" in found["isolation"].message
    assert found["python3"].ok
    assert found["git"].ok


def test_every_problem_has_a_next_action(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(limits, "find", Limiter)
    found = probe()
    assert all(finding.ok or finding.action for finding in found)
    assert not next(finding for finding in found if finding.name == "limits").ok
    assert "Python" in next(finding for finding in found if finding.name == "isolation").message


def test_another_processor_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    (only,) = probe()
    assert not only.ok
    assert "riscv64" in only.message
    assert "DAYTONA_API_KEY" in only.action


@pytest.mark.parametrize(
    ("facts", "error", "said", "done"),
    [
        (
            Facts(1, (6, 1), userns_clone="0"),
            "",
            "refuses user namespaces",
            "unprivileged_userns_clone=1",
        ),
        (
            Facts(1, (6, 1), max_user_namespaces="0"),
            "",
            "limited to none",
            "max_user_namespaces=15000",
        ),
        (
            Facts(1, (6, 8), apparmor="1"),
            "Operation not permitted",
            "AppArmor",
            "apparmor_restrict",
        ),
        (Facts(1, (5, 4)), "bwrap: Can't make overlay mount", "kernel 5.4", "newer kernel"),
        (Facts(1, (6, 1)), "agent: Permission denied", "cannot be run", "noexec"),
        (
            Facts(0, (6, 1), container=True),
            "Operation not permitted",
            "container",
            "seccomp=unconfined",
        ),
        (Facts(0, (6, 1)), "strange", "strange", "DAYTONA_API_KEY"),
    ],
)
def test_causes_are_told_apart(facts: Facts, error: str, said: str, done: str) -> None:
    message, action = explain(error, facts)
    assert said in message
    assert done in action


def test_probing_leaves_nothing_behind() -> None:
    before = set(os.listdir("/tmp"))
    probe()
    assert {
        name for name in set(os.listdir("/tmp")) - before if name.startswith("sandboxd-")
    } == set()
