"""The data folder: private to its owner, used by one server at a time."""

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK = "keelway.lock"
KEY_BYTES = 32


class HomeUnusable(Exception):
    """The folder cannot be the data folder; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """The server that uses a home."""

    pid: int
    address: str


class AlreadyRunning(Exception):
    """Another server uses this home."""

    def __init__(self, owner: Running | None) -> None:
        super().__init__("Keelway already runs on this home.")
        self.owner = owner


def prepare(home: Path) -> None:
    """Make the folder, closed to everybody else. Raises HomeUnusable."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = home.stat()
        if found.st_uid != os.geteuid():
            raise HomeUnusable(f"{home} belongs to somebody else. Choose another with --home.")
        if stat.S_IMODE(found.st_mode) & 0o077:
            if any(home.iterdir()) and not (home / LOCK).exists():
                raise HomeUnusable(
                    f"{home} holds other things and can be read by others. "
                    "Choose an empty or new folder with --home."
                )
            home.chmod(0o700)
    except (FileExistsError, NotADirectoryError):
        raise HomeUnusable(f"{home} is not a folder. Choose another with --home.") from None
    except OSError as error:
        raise HomeUnusable(f"{home} cannot be used: {error.strerror}.") from error


class Lock:
    """Held by the one server of a home; tells others where it serves."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def announce(self, address: str) -> None:
        """Leave pid and address for whoever finds the home taken."""
        text = json.dumps(asdict(Running(os.getpid(), address))).encode()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text, 0)


@contextmanager
def locked(home: Path) -> Generator[Lock]:
    """Be the one server of this home. Raises AlreadyRunning."""
    fd = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(_read_lock(home)) from None
        os.ftruncate(fd, 0)
        yield Lock(fd)
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def running(home: Path) -> Running | None:
    """Who uses this home right now, or None."""
    try:
        fd = os.open(home / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_lock(home)
    else:
        return None
    finally:
        os.close(fd)


def _read_lock(home: Path) -> Running | None:
    try:
        return Running(**json.loads((home / LOCK).read_text()))
    except (json.JSONDecodeError, TypeError):
        return None


def secret_key(home: Path) -> bytes:
    """The server's signing key, made once. Raises HomeUnusable when it is damaged."""
    path = home / "secret.key"
    if not path.exists():
        write_private(path, secrets.token_bytes(KEY_BYTES).hex() + "\n")
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise HomeUnusable(f"{path} is damaged. Put the right one back, or delete it.")
    return key


def write_private(path: Path, text: str) -> None:
    """Replace a file that must be whole after power loss, readable by its owner only."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
