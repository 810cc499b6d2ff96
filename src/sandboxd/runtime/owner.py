"""Touch a machine's files as the user who owns them, never as root.

A machine's files belong to one host uid. A root server must act as that uid: root is not mapped inside the
machine's user namespace (creating fails with EOVERFLOW), and root's own rights must not reach where a machine
can steer. So each owner has a few threads that gave up root for good, each for itself only.
"""

import asyncio
import ctypes
import os
import platform
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

from sandboxd.errors import IsolationUnavailable

T = TypeVar("T")
P = ParamSpec("P")

THREADS = 8

# The raw calls change one thread; libc's setresuid() would change them all.
_SETGROUPS, _SETRESGID, _SETRESUID = {
    "x86_64": (116, 119, 117),
    "aarch64": (159, 149, 147),
}.get(platform.machine(), (0, 0, 0))


async def as_owner(
    owner: tuple[int, int], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run `call` in a thread whose user and group are `owner`'s (uid, gid), and return its result.

    Raises what `call` raises, and `IsolationUnavailable` when this process may not become the owner.
    """
    return await asyncio.wrap_future(_threads(owner).submit(call, *args, **kwargs))


async def acquire(owner: tuple[int, int], call: Callable[[], T], undo: Callable[[T], None]) -> T:
    """The same for a call whose result must be given back: `undo` gets it if the caller is cancelled."""
    submitted = _threads(owner).submit(call)
    try:
        return await asyncio.wrap_future(submitted)
    except asyncio.CancelledError:
        submitted.add_done_callback(lambda done: _give_back(done, undo))
        raise


def _give_back(done: Future[T], undo: Callable[[T], None]) -> None:
    if not done.cancelled() and done.exception() is None:
        undo(done.result())


def as_owner_now(
    owner: tuple[int, int], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run `call` likewise, blocking: for a few system calls that must be done before the caller goes on."""
    return _threads(owner).submit(call, *args, **kwargs).result()


@cache
def _threads(owner: tuple[int, int]) -> ThreadPoolExecutor:
    uid, gid = owner
    if (uid, gid) == (os.geteuid(), os.getegid()):
        return ThreadPoolExecutor(THREADS, thread_name_prefix="files")
    if os.geteuid() != 0:
        raise IsolationUnavailable(f"Only root can work on the files of uid {uid}.")
    if not _SETRESUID:
        raise IsolationUnavailable(f"Processor {platform.machine()} is not supported.")
    return _DroppedThreads(owner)


class _DroppedThreads(ThreadPoolExecutor):
    """Threads that become the owner before their first call, or refuse every call."""

    def __init__(self, owner: tuple[int, int]) -> None:
        super().__init__(THREADS, thread_name_prefix=f"files-{owner[0]}")
        self._owner = owner
        self._state = threading.local()

    def submit(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ):
        return super().submit(self._run, lambda: fn(*args, **kwargs))

    def _run(self, call: Callable[[], T]) -> T:
        if not getattr(self._state, "dropped", False):
            _become(*self._owner)
            self._state.dropped = True
        return call()


def _become(uid: int, gid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for number, arguments in (
        (_SETGROUPS, (0, 0)),
        (_SETRESGID, (gid, gid, gid)),
        (_SETRESUID, (uid, uid, uid)),
    ):
        if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(value) for value in arguments)):
            reason = os.strerror(ctypes.get_errno())
            raise IsolationUnavailable(f"Cannot act as uid {uid}: {reason}.")
    # -1 means "leave it" to these calls: they succeed, and the thread is still root.
    if (os.getresuid(), os.getresgid(), os.getgroups()) != ((uid,) * 3, (gid,) * 3, []) or not uid:
        raise IsolationUnavailable(f"Cannot act as uid {uid}, gid {gid}.")
