"""The launcher: a process with nothing in it, that ends with its server."""

import os
from pathlib import Path

import pytest

from sandboxd.runtime import launcher
from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.starter import Starter

OWNER = (200000, 200000) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def launchers() -> set[int]:
    found: set[int] = set()
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        if b"launcher.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.add(int(pid))
    return found


def test_it_has_no_environment_and_no_descriptor_of_the_servers() -> None:
    secret = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(secret, True)
    starter = Starter(OWNER)
    starter.open()
    (pid,) = launchers()
    assert Path(f"/proc/{pid}/environ").read_bytes() == b""
    fds = {
        os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")
    }
    os.close(secret)
    starter.close()
    assert fds == {"/dev/null", "socket"}
    assert launchers() == set()


def test_it_lives_in_a_mount_namespace_of_its_own() -> None:
    starter = Starter(OWNER)
    starter.open()
    (pid,) = launchers()
    assert os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")
    before = Path("/proc/self/mountinfo").read_text()
    assert "tmpfs /mnt" not in before
    starter.close()


async def test_machines_are_started_below_no_folder_of_the_hosts(machine: NamespaceMachine) -> None:
    command = Path(f"/proc/{machine.host_pid}/status").read_text()
    parent = next(line for line in command.splitlines() if line.startswith("PPid")).split()[1]
    arguments = Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
    assert arguments[0].startswith(b"/mnt/t/")
    assert not any(b"sbx-" in argument for argument in arguments)


def test_check_raises_what_libc_said() -> None:
    launcher.check(0)
    with pytest.raises(OSError, match=r"\[Errno \d+\]"):
        launcher.mount(None, b"/nowhere", None, launcher.MS_REC)
