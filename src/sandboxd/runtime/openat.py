"""Open a path as the machine itself would see it, whatever its links say.

`openat2` with RESOLVE_IN_ROOT keeps `..`, absolute links and races inside the given directory: the kernel
decides during the walk, so there is nothing to check first and nothing to swap afterwards.
RESOLVE_NO_MAGICLINKS refuses the links of /proc that lead anywhere at all.
"""

import ctypes
import errno
import os
import platform
import stat
from functools import cache

from sandboxd.errors import IsolationUnavailable

_OPENAT2 = 437  # the same number on every architecture
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276}.get(platform.machine(), 0)
_RENAME_NOREPLACE = 1
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10

# A rename elsewhere on the machine makes the kernel unsure whether `..` stayed inside; it says EAGAIN.
_TRIES = 1000

# Kernel interfaces, not files: what is written there would reach the host's kernel.
_PSEUDO = {
    0x9FA0: "proc",
    0x62656572: "sysfs",
    0x27E0EB: "cgroup",
    0x63677270: "cgroup2",
    0x64626720: "debugfs",
    0x74726163: "tracefs",
    0x73636673: "securityfs",
    0xCAFE4A11: "bpf",
    0x1CD1: "devpts",
    0x19800202: "mqueue",
}


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_in_root(root: int, path: str, flags: int) -> int:
    """Open an existing `path` below the directory `root`, which is `/` to every link on the way.

    Returns a close-on-exec descriptor. Raises OSError as open does: FileNotFoundError,
    NotADirectoryError, PermissionError, ELOOP for link loops and magic links.
    """
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    name, reason = encoded(path), errno.EAGAIN
    for _ in range(_TRIES):
        number = ctypes.c_long(_OPENAT2)
        found = int(_libc().syscall(number, root, name, ctypes.byref(how), ctypes.sizeof(how)))
        if found >= 0:
            return found
        reason = ctypes.get_errno()
        if reason not in {errno.EAGAIN, errno.EINTR}:
            break
    if reason == errno.ENOSYS:
        raise IsolationUnavailable("This kernel has no openat2 (Linux 5.6 or newer is needed).")
    raise OSError(reason, os.strerror(reason), path)


def rename_without_replacing(source: int, old: str, target: int, new: str) -> None:
    """Rename between two directories; FileExistsError when `new` exists, in one step."""
    number = ctypes.c_long(_RENAMEAT2)
    names = encoded(old), encoded(new)
    if _libc().syscall(
        number, source, names[0], target, names[1], ctypes.c_uint(_RENAME_NOREPLACE)
    ):
        reason = ctypes.get_errno()
        raise OSError(reason, os.strerror(reason), new)


def reopen(pinned: int, flags: int) -> int:
    """A usable descriptor of what an O_PATH one is pinned to."""
    return os.open(f"/proc/self/fd/{pinned}", flags | os.O_CLOEXEC | os.O_NOCTTY)


def set_mode(pinned: int, mode: int) -> None:
    """Change the permissions of what an O_PATH descriptor is pinned to."""
    os.chmod(f"/proc/self/fd/{pinned}", mode)  # noqa: PTH101 (a descriptor, not a path)


def regular(pinned: int, path: str) -> os.stat_result:
    """What an O_PATH descriptor is pinned to, if it is a plain file of the machine's own."""
    found = os.fstat(pinned)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(errno.EACCES, "Not a regular file", path)
    refuse_pseudo(pinned, path)
    return found


def refuse_pseudo(pinned: int, path: str) -> None:
    """Raise PermissionError for /proc, /sys and their like."""
    if (kind := pseudo(pinned)) is not None:
        raise PermissionError(errno.EACCES, f"{kind} belongs to the kernel", path)


def pseudo(pinned: int) -> str | None:
    """The name of the kernel's own file system that a descriptor lies on, or None."""
    answer = (ctypes.c_long * 32)()  # struct statfs starts with f_type, a long, and is 120 bytes
    if _libc().fstatfs(pinned, ctypes.byref(answer)):
        reason = ctypes.get_errno()
        raise OSError(reason, os.strerror(reason))
    return _PSEUDO.get(answer[0] & 0xFFFFFFFF)


def encoded(path: str) -> bytes:
    """The bytes of a path; those that are not UTF-8 come as lone surrogates."""
    name = os.fsencode(path)
    if b"\0" in name:
        raise OSError(errno.EINVAL, "A path cannot hold a NUL", path.replace("\0", "\\0"))
    return name


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
