"""The two agents speak the same protocol: raw packets from a plain socket, and odd ones."""

import errno
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.machines import sh

from sandboxd.runtime import agent as source
from sandboxd.runtime.link import Greeting, greet, receive
from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.protocol import COUNTS, HEAD, PTY, Message, Op, words


@pytest.fixture
def raw(machine: NamespaceMachine, place: Path) -> Iterator[Greeting]:
    """A second connection to the machine's agent, blocking."""
    greeting = greet(place / "machine", 5)
    assert greeting is not None
    greeting.socket.settimeout(5)
    yield greeting
    greeting.socket.close()
    os.close(greeting.root)


def ask(raw: Greeting, message: Message, fds: list[int] | None = None) -> Message:
    socket.send_fds(raw.socket, [message.pack()], fds or [])
    answer, received, _ = receive(raw.socket)
    assert answer is not None
    for fd in received:
        os.close(fd)
    return answer


async def test_hello_comes_from_pid_1_as_the_kernel_says(
    raw: Greeting, machine: NamespaceMachine
) -> None:
    assert raw.pid == machine.host_pid
    assert os.path.sameopenfile(raw.root, machine.root)
    assert ask(raw, Message(1, Op.PING)) == Message(1, Op.OK, 0, 1)


@pytest.mark.parametrize(
    ("message", "number"),
    [
        (Message(7, 99), errno.ENOSYS),
        (Message(7, Op.SPAWN), errno.EINVAL),
        (Message(7, Op.SPAWN, PTY, 80, 24, b"nonsense"), errno.EINVAL),
        (Message(7, Op.SPAWN, PTY, 80, 24, COUNTS.pack(5, 5) + b"/\0true\0"), errno.EINVAL),
        (
            Message(7, Op.SPAWN, PTY, 80, 24, COUNTS.pack(2**32 - 1, 2**32 - 1) + b"/\0true\0"),
            errno.EINVAL,
        ),
        (Message(7, Op.SPAWN, PTY, 80, 24, words(["true"], {}, "/")[:-1]), errno.EINVAL),
        (Message(7, Op.SPAWN, PTY, 80, 24, words(["true"], {}, "/nowhere")), errno.ENOENT),
        (Message(7, Op.ATTACH, 0, -5), errno.ESRCH),
        (Message(7, Op.ATTACH, 0, 1), errno.ESRCH),
    ],
)
async def test_what_it_cannot_do_it_says(raw: Greeting, message: Message, number: int) -> None:
    answer = ask(raw, message)
    assert (answer.id, answer.op, answer.a) == (7, Op.ERROR, number)


async def test_it_signals_only_what_it_started(raw: Greeting, machine: NamespaceMachine) -> None:
    for pid in (0, 1, -1, -5, 77777):
        assert ask(raw, Message(3, Op.SIGNAL, 0, pid, signal.SIGKILL)).op == Op.OK
    assert await sh(machine, "echo fine") == "fine"


async def test_a_short_packet_ends_that_connection_and_no_other(
    raw: Greeting, machine: NamespaceMachine
) -> None:
    raw.socket.send(b"abc")
    assert raw.socket.recv(100) == b""
    assert await sh(machine, "echo fine") == "fine"


async def test_descriptors_that_nobody_asked_for_are_closed(
    raw: Greeting, machine: NamespaceMachine
) -> None:
    reading, writing = os.pipe()
    ask(raw, Message(1, Op.PING), [writing])
    os.close(writing)
    assert os.read(reading, 1) == b"", "the agent kept none"
    os.close(reading)
    assert len(os.listdir(f"/proc/{machine.host_pid}/fd")) < 12


async def test_everyone_connected_hears_of_an_end(raw: Greeting, machine: NamespaceMachine) -> None:
    await sh(machine, "exit 9")
    answer, _, _ = receive(raw.socket)
    assert answer is not None
    assert (answer.op, answer.b) == (Op.EXITED, 9)


async def test_connections_have_a_bound(machine: NamespaceMachine, place: Path) -> None:
    greetings: list[Greeting] = []
    try:
        with pytest.raises(Exception, match=r"hello|reset|timed out"):  # noqa: PT012
            for _ in range(40):
                greeting = greet(place / "machine", 2)
                assert greeting is not None
                greetings.append(greeting)
        assert len(greetings) == 15
        assert await sh(machine, "echo fine") == "fine"
    finally:
        for greeting in greetings:
            greeting.socket.close()
            os.close(greeting.root)
    assert await sh(machine, "echo fine") == "fine"


def test_the_python_agent_imports_nothing_but_the_standard_library() -> None:
    script = f"import sys; exec(compile(open({str(source.__file__)!r}).read(), 'agent', 'exec'))"
    script += "\nprint({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))"
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        script.replace("'exec'))", "'exec'), {'__name__': 'agent'})"),
    ]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.strip() in {"set()", "{'__main__'}"}


def test_both_agents_and_the_server_agree_on_the_words() -> None:
    c = Path(str(source.__file__)).with_name("agent.c").read_text()
    names = "SPAWN = 1, SIGNAL, DIAL, LISTEN, KILL_ALL, ATTACH, STOP_ALL, CONTINUE_ALL, PING"
    assert f"enum {{ {names} }};" in c
    assert [op.name for op in Op][:9] == names.replace(" = 1", "").split(", ")
    assert "enum { OK = 100, ERROR, EXITED, HELLO };" in c
    assert HEAD.size == struct.calcsize("<IHHii") == 16
