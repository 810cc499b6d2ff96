"""Logging, and product events: what happened and how long it took, never any content.

Events go to a sink: by default the log. Nothing leaves the machine.
"""

import json
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal, Protocol, TextIO

Outcome = Literal["ok", "failed", "cancelled"]
FIELD_CHARS = 4096
LOG_BYTES = 5 << 20
PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName", "color_message"}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was done: a span's name of DESIGN.md, its duration, how it ended."""

    name: str
    seconds: float
    outcome: Outcome


class Sink(Protocol):
    def emit(self, event: Event) -> None: ...


class LogSink:
    """Events as log lines."""

    def __init__(self) -> None:
        self.log = logging.getLogger("keelway.events")

    def emit(self, event: Event) -> None:
        facts = {"event": event.name, "seconds": event.seconds, "outcome": event.outcome}
        self.log.info("event", extra=facts)


class MemorySink:
    """Events in a list, for tests."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)


@contextmanager
def measured(sink: Sink, name: str) -> Generator[None]:
    """Emit one event for the block, whichever way it ends."""
    begun = time.monotonic()
    outcome: Outcome = "cancelled"
    try:
        yield
        outcome = "ok"
    except Exception:
        outcome = "failed"
        raise
    finally:
        sink.emit(Event(name, time.monotonic() - begun, outcome))


class JsonLines(logging.Formatter):
    """One JSON object a line: nothing that is logged can forge a line or steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {k: v for k, v in record.__dict__.items() if k not in PLAIN}
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:FIELD_CHARS],
            **{k: str(v)[:FIELD_CHARS] for k, v in facts.items()},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-FIELD_CHARS:]
        return json.dumps(line)


def configure_logging(file: Path, err: TextIO) -> None:
    """All from INFO on into `file` (kept small), errors to `err` as well; JSON lines both."""
    kept = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=2)
    shown = logging.StreamHandler(err)
    shown.setLevel(logging.ERROR)
    for handler in (kept, shown):
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[kept, shown], force=True)
    for chatty in ("httpx", "httpcore", "aiosqlite", "alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("uvicorn").propagate = True  # its own configuration, if loaded, says False
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """False for a refused WebSocket: uvicorn 0.54 misses that our 401 answered it in full."""
    return record.msg != "ASGI callable returned without completing handshake."
