"""One end of the agent's socket: hello, answers in any order, loss."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from sandboxd.errors import MachineGone
from sandboxd.runtime.link import SOCKET_NAME, Exit, Link, greet, listen, receive
from sandboxd.runtime.protocol import Message, Op


@pytest.fixture
def pair():  # type: ignore[no-untyped-def]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.settimeout(5)
    yield ours, theirs
    ours.close()
    theirs.close()


Pair = tuple[socket.socket, socket.socket]


def heard(theirs: socket.socket) -> Message:
    message, fds, _ = receive(theirs)
    assert message is not None
    for fd in fds:
        os.close(fd)
    return message


async def test_answers_find_their_questions_in_any_order(pair: Pair) -> None:
    ours, theirs = pair
    link = Link(ours, lambda: None)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(link.ask(Op.PING))
        second = group.create_task(link.ask(Op.PING))
        await asyncio.sleep(0)
        questions = [heard(theirs), heard(theirs)]
        for question in reversed(questions):
            theirs.send(Message(question.id, Op.OK, 0, question.id).pack())
    assert first.result().message.a == questions[0].id
    assert second.result().message.a == questions[1].id
    link.close()


async def test_an_end_read_together_with_its_start_is_not_lost(pair: Pair) -> None:
    ours, theirs = pair
    link = Link(ours, lambda: None)
    asking = asyncio.get_running_loop().create_task(link.ask(Op.SPAWN))
    await asyncio.sleep(0)
    theirs.send(Message(heard(theirs).id, Op.OK, 0, 12).pack())
    theirs.send(Message(0, Op.EXITED, 0, 12, 5).pack())
    ended = (await asking).exit
    assert ended is not None
    assert ended.code == 5
    link.close()


async def test_what_was_cancelled_is_ended_when_it_starts(pair: Pair) -> None:
    ours, theirs = pair
    link = Link(ours, lambda: None)
    asking = asyncio.get_running_loop().create_task(link.ask(Op.SPAWN))
    await asyncio.sleep(0)
    question = heard(theirs)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    theirs.send(Message(question.id, Op.OK, 0, 12).pack())
    await asyncio.sleep(0.01)
    kill = heard(theirs)
    assert (kill.op, kill.a, kill.b) == (Op.SIGNAL, 12, signal.SIGKILL)
    assert link.exits == {}
    link.close()


async def test_loss_is_told_once_and_fails_whoever_waits(pair: Pair) -> None:
    ours, theirs = pair
    lost: list[bool] = []
    link = Link(ours, lambda: lost.append(True))
    asking = asyncio.get_running_loop().create_task(link.ask(Op.PING))
    await asyncio.sleep(0)
    theirs.close()
    with pytest.raises(MachineGone):
        await asking
    with pytest.raises(MachineGone):
        await link.ask(Op.PING)
    assert lost == [True]


async def test_missed_ends_are_asked_for_one_by_one(pair: Pair) -> None:
    ours, theirs = pair
    link = Link(ours, lambda: None)
    ends = {5: Exit(), 6: Exit(), 7: Exit()}
    link.catch_up(dict(ends))
    replies = {5: (Op.OK, 5, 3), 6: (Op.OK, 6, -1), 7: (Op.ERROR, 3, 0)}
    for _ in range(3):
        question = heard(theirs)
        op, a, b = replies[question.a]
        theirs.send(Message(question.id, op, 0, a, b).pack())
        await asyncio.sleep(0.01)
    assert (ends[5].code, ends[6].code, ends[7].code) == (3, None, 255)
    assert set(link.exits) == {6}
    link.close()


async def test_a_full_socket_is_waited_for(pair: Pair) -> None:
    ours, theirs = pair
    link = Link(ours, lambda: None)
    loop = asyncio.get_running_loop()
    asking = [loop.create_task(link.ask(Op.PING, body=bytes(60_000))) for _ in range(20)]
    await asyncio.sleep(0.01)
    for _ in asking:
        theirs.send(Message(heard(theirs).id, Op.OK).pack())
        await asyncio.sleep(0.005)
    assert all([(await each).message.op == Op.OK for each in asking])
    link.close()


def test_nobody_listening_is_not_an_error(tmp_path: Path) -> None:
    assert greet(tmp_path, 1) is None
    listen(tmp_path).close()
    assert (tmp_path / SOCKET_NAME).exists()
    assert greet(tmp_path, 1) is None, "a socket that a dead machine left"


def test_a_mute_agent_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with listen(tmp_path), pytest.raises(TimeoutError):
        greet(tmp_path, 0.05)


def test_another_word_than_hello_is_refused(tmp_path: Path) -> None:
    with listen(tmp_path) as listener:
        import threading

        def answer() -> None:
            with listener.accept()[0] as peer:
                peer.send(Message(0, Op.OK).pack())

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(MachineGone, match="hello"):
            greet(tmp_path, 5)
        thread.join()
