"""Everything that may differ between two engines; read once in `cli.py` or a fixture, then passed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

VERSION = "0.1.0"
DEFAULT_SNAPSHOT = "sandboxd-base"
ORGANIZATION = "00000000-0000-4000-8000-000000000001"
USER = "daytona"
HOME_DIR = "/home/daytona"


@dataclass(frozen=True, slots=True)
class Settings:
    """One engine: where it keeps its state, how it is reached, what it allows.

    `minute` is the length of a minute in seconds for all intervals (tests shorten it);
    `drain` is how many seconds running requests get at shutdown before they are answered 503.
    """

    home: Path
    key: str
    url: str = "http://127.0.0.1:0/api"
    allow_origins: frozenset[str] = frozenset()
    agent: Literal["auto", "c", "python"] = "auto"
    minute: float = 60.0
    drain: float = 5.0
    body_limit: int = 64 * 1024 * 1024
    output_limit: int = 10 * 1024 * 1024
    egress_allow: tuple[str, ...] = field(default=())

    @property
    def toolbox_url(self) -> str:
        """What the SDK puts `/{sandboxId}{path}` behind."""
        return f"{self.url}/toolbox"

    @property
    def netloc(self) -> str:
        """Host and port of this engine, as in its URL."""
        return self.url.split("://", 1)[1].split("/", 1)[0]

    @property
    def port(self) -> int:
        return int(self.netloc.rsplit(":", 1)[1])

    @property
    def prefix(self) -> tuple[str, ...]:
        """The path segments in front of every control-plane path: `("api",)`."""
        return tuple(part for part in self.url.split("://", 1)[1].split("/")[1:] if part)
