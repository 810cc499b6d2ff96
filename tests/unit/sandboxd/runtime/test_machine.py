"""What a machine does for the engine, with both agents."""

import asyncio
import os
import select
import signal
import time
from pathlib import Path

import pytest
from tests.support.machines import run, running, sh, spec, start

from sandboxd.errors import MachineGone, SpawnFailed
from sandboxd.runtime.base import base_env
from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.namespaces import Namespaces


async def test_a_process_answers_with_its_output_and_its_exit_code(
    machine: NamespaceMachine,
) -> None:
    assert await run(machine, "bash", "-c", "echo out; echo err >&2; exit 7") == (7, "out\nerr\n")


async def test_the_programs_an_app_is_built_with_are_there(machine: NamespaceMachine) -> None:
    for program in ("node", "npm", "npx", "git", "python3", "python"):
        code, output = await run(machine, program, "--version")
        assert code == 0, output
    assert await sh(machine, "command -v node npm python3") == "\n".join(
        f"/opt/sandboxd/bin/{name}" for name in ("node", "npm", "python3")
    )


async def test_a_process_has_the_environment_and_folder_it_was_given(
    machine: NamespaceMachine,
) -> None:
    output = os.memfd_create("output")
    null = os.open(os.devnull, os.O_RDWR)
    process = await machine.spawn(
        ["/usr/bin/env"], env={"A": "1", "B": "two words\nand a line"}, cwd="/tmp",
        stdin=null, stdout=output, stderr=output,
    )  # fmt: skip
    assert await process.wait() == 0
    assert os.pread(output, 1000, 0) == b"A=1\nB=two words\nand a line\n"
    assert await run(machine, "pwd", cwd="/tmp") == (0, "/tmp\n")
    os.close(output)
    os.close(null)


async def test_a_command_longer_than_a_packet_arrives_whole(machine: NamespaceMachine) -> None:
    words = ["x" * 100_000, "y" * 100_000]
    assert await run(machine, "bash", "-c", 'echo "${#1} ${#2}"', "-", *words) == (
        0,
        "100000 100000\n",
    )


async def test_a_missing_folder_or_program_is_said_so(machine: NamespaceMachine) -> None:
    with pytest.raises(SpawnFailed, match=r"cannot start in /nowhere: no such file"):
        await start(machine, "true", cwd="/nowhere")
    with pytest.raises(SpawnFailed, match=r"cannot run nonsense: no such file"):
        await start(machine, "nonsense")
    with pytest.raises(SpawnFailed, match=r"permission denied"):
        await start(machine, "/etc/passwd")
    with pytest.raises(SpawnFailed, match="zero byte"):
        await start(machine, "echo", "a\0b")
    with pytest.raises(SpawnFailed, match="nothing to run"):
        await start(machine)


async def test_a_script_without_an_interpreter_line_runs_by_the_shell(
    machine: NamespaceMachine,
) -> None:
    await sh(machine, "echo 'echo ran $1' > s; chmod +x s")
    assert await run(machine, "./s", "it") == (0, "ran it\n")


async def test_input_flows_in(machine: NamespaceMachine) -> None:
    reading, writing = os.pipe()
    output = os.memfd_create("output")
    process = await start(machine, "tr", "a-z", "A-Z", stdin=reading, out=output)
    os.close(reading)
    os.write(writing, b"hello")
    os.close(writing)
    assert await process.wait() == 0
    assert os.pread(output, 100, 0) == b"HELLO"
    os.close(output)


async def test_a_signal_reaches_the_whole_group_and_shows_in_the_code(
    machine: NamespaceMachine,
) -> None:
    process = await start(
        machine, "bash", "-c", "trap '' TERM INT; sleep 100 & sleep 100; sleep 100"
    )
    await process.signal(signal.SIGKILL)
    assert await process.wait() == 128 + signal.SIGKILL
    assert await process.wait() == 128 + signal.SIGKILL
    assert await sh(machine, "pgrep -c sleep") == "0"
    await process.signal(signal.SIGTERM)  # nothing happens


async def test_several_may_wait_for_one_process(machine: NamespaceMachine) -> None:
    process = await start(machine, "bash", "-c", "sleep 0.05; exit 3")
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(process.wait()) for _ in range(5)]
    assert [wait.result() for wait in waits] == [3] * 5


async def test_many_processes_at_once_each_get_their_own_code(machine: NamespaceMachine) -> None:
    processes = [await start(machine, "bash", "-c", f"exit {n}") for n in range(100)]
    assert [await process.wait() for process in processes] == list(range(100))


async def test_a_server_that_was_away_still_learns_every_exit_code(
    machine: NamespaceMachine,
) -> None:
    """More exits than the socket holds: the agent drops the connection, and we come back for the rest."""
    processes = [await start(machine, "sleep", "0.2") for _ in range(400)]
    time.sleep(1.5)  # the whole event loop, as when a laptop sleeps
    async with asyncio.timeout(10):
        assert [await process.wait() for process in processes] == [0] * 400
    assert await sh(machine, "echo fine") == "fine"


async def test_orphans_are_reaped(machine: NamespaceMachine) -> None:
    await sh(machine, "(setsid true &) ; (sleep 0.01 &)")
    await asyncio.sleep(0.1)
    assert await sh(machine, "ps -eo stat | grep -c Z") == "0"


async def test_signals_and_descriptors_of_processes_are_plain(machine: NamespaceMachine) -> None:
    assert await sh(machine, "ls /proc/self/fd") == "0\n1\n2\n3"  # 3 is ls's own
    assert "0000000000000000" in await sh(machine, "grep SigBlk /proc/self/status")
    ignored = await sh(machine, "grep SigIgn /proc/self/status")
    assert int(ignored.split()[1], 16) & 0x7FFFFFFF == 0  # 32 and 33 are the C library's


async def test_a_terminal_is_the_machines_own(machine: NamespaceMachine) -> None:
    process, master = await machine.pty(
        ["bash", "-c", "tty; stty size; read line; echo got $line; exit 4"],
        env=base_env(), cwd="/tmp", cols=91, rows=33,
    )  # fmt: skip
    os.write(master, b"words\n")
    assert await process.wait() == 4
    output = read_terminal(master)
    assert "/dev/pts/0" in output
    assert "33 91" in output
    assert "got words" in output
    os.close(master)


async def test_control_c_interrupts_what_runs_on_a_terminal(machine: NamespaceMachine) -> None:
    process, master = await machine.pty(
        ["sleep", "100"], env=base_env(), cwd="/tmp", cols=80, rows=24
    )
    os.write(master, b"\x03")
    assert await process.wait() == 128 + signal.SIGINT
    os.close(master)


def read_terminal(master: int) -> str:
    output = b""
    while select.select([master], [], [], 0.2)[0]:
        try:
            output += os.read(master, 4096)
        except OSError:
            break
    return output.decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_dial_reaches_a_server_inside(machine: NamespaceMachine, host: str) -> None:
    await start(machine, "python3", "-m", "http.server", "--bind", host, "8000")
    loop = asyncio.get_running_loop()
    connection = await patiently_dial(machine, 8000)
    await loop.sock_sendall(connection, b"HEAD / HTTP/1.0\r\n\r\n")
    assert (await loop.sock_recv(connection, 100)).startswith(b"HTTP/1.0 200")
    connection.close()


async def patiently_dial(machine: NamespaceMachine, port: int):
    for _ in range(200):
        try:
            return await machine.dial(port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
    raise AssertionError(f"nothing came up on {port}")


async def test_dial_is_refused_where_nothing_listens(machine: NamespaceMachine) -> None:
    with pytest.raises(ConnectionRefusedError, match="nothing listens on port 8000"):
        await machine.dial(8000)


async def test_listen_serves_those_inside(machine: NamespaceMachine) -> None:
    loop = asyncio.get_running_loop()
    with await machine.listen(3128) as listener:
        process = await start(machine, "bash", "-c", "echo hello > /dev/tcp/127.0.0.1/3128")
        connection, _ = await loop.sock_accept(listener)
        assert await loop.sock_recv(connection, 100) == b"hello\n"
        connection.close()
        with pytest.raises(OSError, match="in use"):
            await machine.listen(3128)
        assert await process.wait() == 0


async def test_kill_all_leaves_the_agent_alone(machine: NamespaceMachine) -> None:
    stubborn = await start(machine, "bash", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done")
    await sh(machine, "setsid nohup sleep 100 >/dev/null 2>&1 & disown")
    await machine.kill_all()
    assert await stubborn.wait() == 128 + signal.SIGKILL
    assert await sh(machine, "ps -e --no-headers | wc -l") == "4"  # the agent, bash, ps and wc


async def test_freeze_stops_everything_and_thaw_lets_it_go_on(machine: NamespaceMachine) -> None:
    await start(machine, "bash", "-c", "while :; do echo >> /tmp/ticks; sleep 0.01; done")
    ticks = lambda: os.stat("tmp/ticks", dir_fd=machine.root).st_size  # noqa: E731
    await asyncio.sleep(0.1)
    await machine.freeze()
    before = ticks()
    await asyncio.sleep(0.15)
    assert ticks() == before > 0
    await machine.thaw()
    await asyncio.sleep(0.15)
    assert ticks() > before


async def test_a_frozen_machine_can_be_destroyed(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "frozen") as machine:
        await start(machine, "sleep", "100")
        await machine.freeze()
    assert is_dead(machine.host_pid)


def is_dead(pid: int) -> bool:
    """Gone, or about to be collected by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_the_root_is_the_machines_from_the_first_moment(machine: NamespaceMachine) -> None:
    names = os.listdir(machine.root)
    assert {"home", "usr", "proc"} <= set(names)
    assert "sys" not in names
    assert os.stat("home/daytona", dir_fd=machine.root)


async def test_everything_fails_clearly_after_the_end(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "ended") as machine:
        process = await start(machine, "sleep", "100")
        os.kill(machine.host_pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            await machine.wait_gone()
        assert await process.wait() == 128 + signal.SIGKILL
        with pytest.raises(MachineGone):
            await machine.dial(1)
        with pytest.raises(MachineGone):
            await start(machine, "true")
        with pytest.raises(MachineGone):
            await process.signal(9)


async def test_destroy_leaves_no_process_and_keeps_the_files(
    runtime: Namespaces, place: Path
) -> None:
    async with running(runtime, place, "kept") as machine:
        await sh(machine, "echo stays > /home/daytona/file; rm /etc/shells; setsid sleep 99 &")
    ours = spec(place, "kept").home
    assert is_dead(machine.host_pid)
    assert (ours / "upper/home/daytona/file").read_text() == "stays\n"
    async with running(runtime, place, "kept") as again:
        assert await sh(again, "cat file; ls /etc/shells") == (
            "stays\nls: cannot access '/etc/shells': No such file or directory"
        )


async def test_a_cancelled_start_of_a_process_leaves_no_process(machine: NamespaceMachine) -> None:
    for _ in range(20):
        starting = asyncio.get_running_loop().create_task(start(machine, "sleep", "4242"))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    await asyncio.sleep(0.2)
    assert await sh(machine, "pgrep -fc 'sleep 4242'") == "0"
