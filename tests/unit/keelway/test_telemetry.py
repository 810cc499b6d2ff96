import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from keelway.telemetry import Event, LogSink, MemorySink, configure_logging, measured


@pytest.fixture
def err(home: Path) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging(home / "keelway.log", out)
    yield out
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = kept
    root.setLevel(level)


def logged(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / "keelway.log").read_text().splitlines()]


def test_a_log_line_is_one_object_and_cannot_be_forged(home: Path, err: io.StringIO) -> None:
    log = logging.getLogger("keelway.test")
    log.info("turn %s", 'x"\n{"level": "error"}\x1b[2J', extra={"project": "p" * 5000})
    (line,) = logged(home)
    assert line["message"] == 'turn x"\n{"level": "error"}\x1b[2J'
    assert (line["level"], line["logger"]) == ("info", "keelway.test")
    assert len(str(line["project"])) == 4096
    assert "\x1b" not in (home / "keelway.log").read_text()


def test_errors_are_shown_too_with_where_they_stopped(home: Path, err: io.StringIO) -> None:
    log = logging.getLogger("keelway.test")
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("failed")
    assert "ValueError: boom" in json.loads(err.getvalue())["error"]
    log.info("quiet")
    assert err.getvalue().count("\n") == 1


def test_uvicorns_false_alarm_is_not_news(home: Path, err: io.StringIO) -> None:
    log = logging.getLogger("uvicorn.error")
    log.error("ASGI callable returned without completing handshake.")
    log.error("something else")
    assert [line["message"] for line in logged(home)] == ["something else"]


def test_a_measured_block_is_one_event_whichever_way_it_ends() -> None:
    sink = MemorySink()
    with measured(sink, "turn"):
        pass
    with pytest.raises(ValueError, match="x"), measured(sink, "turn"):
        raise ValueError("x")
    with pytest.raises(KeyboardInterrupt), measured(sink, "turn"):
        raise KeyboardInterrupt
    assert [event.outcome for event in sink.events] == ["ok", "failed", "cancelled"]
    assert all(event.name == "turn" and event.seconds >= 0 for event in sink.events)


def test_an_event_in_the_log_carries_three_facts(home: Path, err: io.StringIO) -> None:
    LogSink().emit(Event("sandbox.create", 1.5, "ok"))
    (line,) = logged(home)
    assert (line["event"], line["seconds"], line["outcome"]) == ("sandbox.create", "1.5", "ok")
