"""Who holds a lease, and whether it is dead beyond doubt."""

import os
import subprocess

from keelway.workspaces import owner


def name_of(pid: int) -> str:
    boot, pids, _, _ = owner.this().split(":")
    return f"{boot}:{pids}:{pid}:{owner.started(pid)}"


def test_this_process_is_alive() -> None:
    assert str(os.getpid()) in owner.this()
    assert not owner.is_dead(owner.this())


def test_a_process_that_ended_is_dead_even_before_it_is_waited_for() -> None:
    process = subprocess.Popen(["sleep", "60"])
    name = name_of(process.pid)
    assert not owner.is_dead(name)
    process.kill()
    while not owner.is_dead(name):
        pass
    process.wait()
    assert owner.is_dead(name)


def test_a_reused_pid_is_another_process() -> None:
    boot, pids, pid, started = owner.this().split(":")
    assert owner.is_dead(f"{boot}:{pids}:{pid}:{int(started) - 1}")


def test_what_cannot_be_known_from_here_is_not_called_dead() -> None:
    _, pids, _, _ = owner.this().split(":")
    boot = owner.this().split(":")[0]
    assert not owner.is_dead(f"another-boot:{pids}:1:1")
    assert not owner.is_dead(f"{boot}:another-namespace:999999:1")
    assert not owner.is_dead("nonsense")
    assert not owner.is_dead("")


def test_the_clock_only_goes_forward() -> None:
    assert owner.boottime() <= owner.boottime()
