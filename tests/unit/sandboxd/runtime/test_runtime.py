"""The values of the runtime's seam; its verbs are proven by test_machine and test_namespaces."""

import dataclasses
from pathlib import Path

import pytest

from sandboxd.runtime.runtime import Limits, MachineSpec


def test_the_defaults_are_the_default_snapshots() -> None:
    spec = MachineSpec("id", Path("/home"))
    assert (spec.limits.cpu, spec.limits.memory, spec.limits.disk) == (2, 4, 8)
    assert spec.layers == ()


def test_a_spec_does_not_change_under_a_running_machine() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().cpu = 9  # type: ignore[misc]
