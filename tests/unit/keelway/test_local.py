import json
import os
import socket
from pathlib import Path

import pytest

from keelway.local import (
    Check,
    Endpoint,
    Engine,
    EngineUnavailable,
    Machine,
    answers,
    check_machine,
    check_port,
    read_endpoint,
)
from keelway.settings import Settings


def test_an_endpoint_is_read_or_there_is_none(home: Path) -> None:
    assert read_endpoint(home) is None
    (home / "endpoint.json").write_text('{"url": "http')
    assert read_endpoint(home) is None
    said = {"url": "http://127.0.0.1:4100/api", "key": "k", "pid": 7}
    (home / "endpoint.json").write_text(json.dumps(said))
    endpoint = read_endpoint(home)
    assert endpoint == Endpoint("http://127.0.0.1:4100/api", "k", 7)
    assert endpoint is not None
    assert endpoint.port == 4100


async def test_nobody_answers_where_nobody_is() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert not await answers(Endpoint(f"http://127.0.0.1:{port}/api", "k", os.getpid()))


async def test_an_engine_that_ends_at_once_leaves_its_last_words(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(EngineUnavailable, match="ended at once"):
        await Engine(home / "sandboxd").ensure()


async def test_an_engine_never_held_is_stopped_for_nothing(home: Path) -> None:
    engine = Engine(home / "sandboxd")
    await engine.stop()
    engine.release()


async def test_what_the_machine_can_do_is_said_in_words(home: Path) -> None:
    checks = await check_machine(Settings(home=home / "not" / "yet"))
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    assert {"git", "disk", "isolation", "npm registry", "PyPI registry"} <= set(names)
    for check in checks:
        assert check.message.endswith(".")
        assert check.ok or check.action


async def test_the_page_does_not_make_the_checks_again_within_a_minute(home: Path) -> None:
    machine = Machine(Settings(home=home))
    assert await machine.checks() is await machine.checks()


def test_a_port_is_free_or_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not check_port("127.0.0.1", port).ok
    assert check_port("127.0.0.1", port) == Check(f"port {port}", True, "It is free.", None)
