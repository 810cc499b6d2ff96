"""Walk, remove and copy whole trees while their owner keeps moving them about.

One descriptor per walk, whatever the depth. Going down never follows a link; going up through `..` is
checked against the directory that was left, so a tree that is moved meanwhile ends the walk with EAGAIN.
"""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sandboxd.runtime.openat import pseudo

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ROUNDS = 16  # a directory that someone keeps filling is given up after so many rounds
_CHUNK = 1024 * 1024
_DEEPEST_COPY = 100  # each level holds two descriptors


@dataclass(frozen=True, slots=True)
class Found:
    """A name met on a walk: its path relative to the start, and what it is (links not followed)."""

    path: str
    info: os.stat_result
    link_target: str | None


def walk(top: int, depth: int | None = None) -> Generator[Found]:
    """Everything below the directory `top`, names in order, parents before children.

    `depth` 1 is the directory's own entries. Directories that cannot be read and kernel file
    systems are named but not entered.
    """
    with _Cursor(top) as cursor:
        pending = [iter(sorted(_names(cursor.here)))]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                if pending:
                    cursor.leave()
                continue
            found = _look(cursor, name)
            if found is None:
                continue
            yield found
            within = depth is None or len(pending) < depth
            if within and stat.S_ISDIR(found.info.st_mode) and cursor.try_enter(name):
                pending.append(iter(sorted(_names(cursor.here))))


def _look(cursor: "_Cursor", name: str) -> Found | None:
    try:
        info = os.stat(name, dir_fd=cursor.here, follow_symlinks=False)
        link = stat.S_ISLNK(info.st_mode)
        target = os.readlink(name, dir_fd=cursor.here) if link else None
    except (FileNotFoundError, NotADirectoryError):
        return None  # gone since it was listed
    except OSError as error:
        if error.errno == errno.EINVAL:  # a link a moment ago
            return None
        raise
    return Found(cursor.path(name), info, target)


def remove_tree(parent: int, name: str) -> None:
    """Remove the directory `name` of `parent` with all it holds; a link is removed, never followed."""
    with _Cursor(parent) as cursor:
        cursor.enter_to_remove(name)
        pending = [_Emptying(name, _names(cursor.here))]
        while pending:
            frame = pending[-1]
            if frame.names:
                child = frame.names.pop()
                if not _unlink(child, cursor.here):
                    cursor.enter_to_remove(child)
                    pending.append(_Emptying(child, _names(cursor.here)))
                continue
            cursor.leave()
            if _rmdir(frame.name, cursor.here):
                pending.pop()
                continue
            frame.rounds += 1
            if frame.rounds > _ROUNDS:
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), frame.name)
            cursor.enter_to_remove(frame.name)
            frame.names = _names(cursor.here)


@dataclass(slots=True)
class _Emptying:
    name: str
    names: list[str]
    rounds: int = 0


def _unlink(name: str, directory: int) -> bool:
    """Whether the name is gone; False for a directory."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        return False
    return True


def _rmdir(name: str, directory: int) -> bool:
    """Whether the directory is gone; False when it is not empty."""
    try:
        os.rmdir(name, dir_fd=directory)
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        os.unlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True


def copy_tree(source: int, name: str, target: int, new: str, depth: int = _DEEPEST_COPY) -> None:
    """Copy a file, link or directory between two directories; `new` must not exist.

    Modes are kept, hard links and owners are not. Raises PermissionError for devices and FIFOs,
    ENAMETOOLONG for trees deeper than `depth`.
    """
    if depth == 0:
        raise OSError(errno.ENAMETOOLONG, "The folders are nested too deeply", name)
    info = os.stat(name, dir_fd=source, follow_symlinks=False)
    if not stat.S_ISDIR(info.st_mode):
        _copy_one(source, name, info, target, new)
        return
    os.mkdir(new, 0o700, dir_fd=target)
    there = os.open(new, DIRECTORY, dir_fd=target)
    try:
        here = os.open(name, DIRECTORY, dir_fd=source)
        try:
            for child in _names(here):
                copy_tree(here, child, there, child, depth - 1)
        finally:
            os.close(here)
        os.fchmod(there, stat.S_IMODE(info.st_mode))
    finally:
        os.close(there)


def _copy_one(source: int, name: str, info: os.stat_result, target: int, new: str) -> None:
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), new, dir_fd=target)
        return
    if not stat.S_ISREG(info.st_mode):
        raise PermissionError(errno.EACCES, "Only files, folders and links can be copied", name)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    here = os.open(name, flags, dir_fd=source)
    try:
        if not stat.S_ISREG(os.fstat(here).st_mode):
            raise PermissionError(errno.EACCES, "Only files, folders and links can be copied", name)
        there = os.open(
            new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target
        )
        try:
            while os.sendfile(there, here, None, _CHUNK):  # pyright: ignore[reportArgumentType]
                pass
            os.fchmod(there, stat.S_IMODE(info.st_mode))
        finally:
            os.close(there)
    finally:
        os.close(here)


class _Cursor:
    """One open directory that moves down by name and up by `..`, noticing when it was moved."""

    def __init__(self, top: int) -> None:
        self.here = os.open(".", DIRECTORY, dir_fd=top)
        self._above: list[tuple[int, int]] = []
        self._names: list[str] = []

    def __enter__(self) -> "_Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.here)

    def path(self, name: str) -> str:
        return "/".join((*self._names, name))

    def try_enter(self, name: str) -> bool:
        """Go down unless it is no directory any more, may not be read, or is the kernel's."""
        try:
            below = os.open(name, DIRECTORY, dir_fd=self.here)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return False
        except OSError as error:
            if error.errno == errno.ELOOP:
                return False
            raise
        if pseudo(below) is not None:
            os.close(below)
            return False
        self._go(below, name)
        return True

    def enter_to_remove(self, name: str) -> None:
        """Go down, giving ourselves the right to if the folder's mode denies it."""
        try:
            below = os.open(name, DIRECTORY, dir_fd=self.here)
        except PermissionError:
            with _pinned(self.here, name) as pinned:
                os.chmod(f"/proc/self/fd/{pinned}", 0o700)  # noqa: PTH101
            below = os.open(name, DIRECTORY, dir_fd=self.here)
        self._go(below, name)

    def leave(self) -> None:
        above = os.open("..", DIRECTORY, dir_fd=self.here)
        info = os.fstat(above)
        os.close(self.here)
        self.here = above
        self._names.pop()
        if (info.st_dev, info.st_ino) != self._above.pop():
            raise OSError(errno.EAGAIN, "The folder was moved while it was being read")

    def _go(self, below: int, name: str) -> None:
        info = os.fstat(self.here)
        self._above.append((info.st_dev, info.st_ino))
        self._names.append(name)
        os.close(self.here)
        self.here = below


@contextmanager
def _pinned(directory: int, name: str) -> Generator[int]:
    pinned = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        yield pinned
    finally:
        os.close(pinned)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def refuse_inside_itself(here: int, old: str, there: int) -> None:
    """Raise EINVAL when the folder `there` lies in what is to be moved."""
    moved = os.stat(old, dir_fd=here, follow_symlinks=False)
    below, flags = (-1, -1), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    climbing = os.open(".", flags, dir_fd=there)
    try:
        while (at := _identity(os.fstat(climbing))) != below:
            if at == _identity(moved):
                raise OSError(errno.EINVAL, "A folder cannot be moved into itself")
            above = os.open("..", flags, dir_fd=climbing)
            os.close(climbing)
            climbing, below = above, at
    finally:
        os.close(climbing)


def _identity(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino
