"""A ladder as data, and one loop that climbs it."""

import asyncio

import pytest

from keelway.sandboxes.errors import SandboxError, SandboxUnreachable
from keelway.workspaces.errors import InstallFailed, RecoveryFailed
from keelway.workspaces.recovery import Rung, climb


async def holds() -> None:
    """A rung that bears."""


async def breaks() -> None:
    raise SandboxError("no machine")


async def unreachable() -> None:
    raise SandboxUnreachable("nobody answers")


async def fails() -> None:
    raise InstallFailed("npm said no")


async def hangs() -> None:
    await asyncio.sleep(10)


async def test_the_first_rung_that_holds_is_the_one() -> None:
    climbed = await climb([Rung("full_restore", holds, 1), Rung("files_only", breaks, 1)])
    assert (climbed.mode, climbed.missed, climbed.first) == ("full_restore", (), None)


async def test_each_rung_that_does_not_hold_says_why() -> None:
    climbed = await climb(
        [
            Rung("full_restore", fails, 1),
            Rung("files_only", hangs, 0.05),
            Rung("emergency_fallback", holds, 1),
        ]
    )
    assert climbed.mode == "emergency_fallback"
    assert climbed.missed == ("full_restore: npm said no", "files_only: it took too long")
    assert isinstance(climbed.first, InstallFailed)


async def test_a_sandbox_that_could_not_be_asked_is_not_replaced() -> None:
    climbed = await climb(
        [
            Rung("full_restore", unreachable, 1),
            Rung("minimal_sandbox", breaks, 1, replaces=True),
            Rung("emergency_fallback", holds, 1),
        ]
    )
    assert climbed.mode == "emergency_fallback"
    assert len(climbed.missed) == 1


async def test_when_nothing_holds_the_error_has_a_line_for_each() -> None:
    with pytest.raises(RecoveryFailed) as caught:
        await climb([Rung("full_restore", breaks, 1), Rung("files_only", fails, 1)])
    assert "full_restore: no machine; files_only: npm said no" in caught.value.message


async def test_a_mistake_of_ours_is_not_taken_for_a_missing_rung() -> None:
    async def mistake() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await climb([Rung("full_restore", mistake, 1)])
