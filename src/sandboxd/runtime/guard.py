"""Before a start: what a machine's user may have put in the way of the next one.

The whole root is the user's to change, links and all; bubblewrap mounts on `/usr`, `/proc`, `/dev`, and the
dynamic loader of PID 1 follows `/lib64`, `/etc/ld.so.cache` and `/etc/ld.so.preload`. Nothing of a machine
runs yet, so the folders can be looked at and mended from outside: what is wrong in `upper` is moved
aside, what is wrong in a snapshot is covered.
"""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

FOLDERS = ("usr", "etc", "proc", "dev")
FILES = ("etc/ld.so.preload", "etc/ld.so.cache")
ASIDE = ".replaced"


def mend(upper: Path, layers: Sequence[Path], base: Path, owner: tuple[int, int]) -> list[str]:
    """Make the places that a start depends on what `base` says; the names that had to be mended.

    Args:
        upper: The machine's own layer, not mounted.
        layers: The layers between it and `base`, lowest first.
        base: The base layer.
        owner: Who owns files of machines on this host.
    """
    stack = [*reversed(layers), base]
    mended: list[str] = []
    for path in sorted(base.iterdir()):
        if path.is_symlink() and _restore(upper, stack, path.name, _same_link(path)):
            (upper / path.name).symlink_to(path.readlink())
            mended.append(path.name)
    for name in FOLDERS:
        if _restore(upper, stack, name, _is_folder):
            (upper / name).mkdir(mode=0o755)
            mended.append(name)
    for name in FILES:
        content = (base / name).read_bytes() if (base / name).is_file() else b""
        if _restore(upper, stack, name, _same_file(content)):
            (upper / name).parent.mkdir(mode=0o755, exist_ok=True)
            _give((upper / name).parent, owner)
            (upper / name).write_bytes(content)
            mended.append(name)
    for name in mended:
        _give(upper / name, owner)
    for folder in (upper, *(upper / name for name in FOLDERS)):
        _open(folder)
    return mended


def _restore(upper: Path, stack: Sequence[Path], name: str, good: Callable[[Path], bool]) -> bool:
    """Move a bad entry of `upper` aside; whether the layers below then show a bad one too."""
    path = upper / name
    if os.path.lexists(path):
        if good(path):
            return False
        _aside(path)
    found = next((layer / name for layer in stack if os.path.lexists(layer / name)), None)
    return found is not None and not good(found)


def _aside(path: Path) -> None:
    """Keep what the user made, under a free name; a whiteout is only removed."""
    if stat.S_ISCHR(path.lstat().st_mode):
        path.unlink()
        return
    number = 0
    while os.path.lexists(target := path.with_name(f"{path.name}{ASIDE}{number or ''}")):
        number += 1
    path.rename(target)


def _open(folder: Path) -> None:
    """Let PID 1 pass through a folder that was closed to everybody, its owner included."""
    if _is_folder(folder) and (mode := stat.S_IMODE(folder.stat().st_mode)) & 0o700 != 0o700:
        folder.chmod(mode | 0o755)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _same_link(base: Path) -> Callable[[Path], bool]:
    return lambda path: path.is_symlink() and path.readlink() == base.readlink()


def _same_file(content: bytes) -> Callable[[Path], bool]:
    def good(path: Path) -> bool:
        status = path.lstat()
        plain = stat.S_ISREG(status.st_mode) and status.st_size == len(content)
        return plain and path.read_bytes() == content

    return good


def _give(path: Path, owner: tuple[int, int]) -> None:
    if os.geteuid() == 0:
        os.chown(path, *owner, follow_symlinks=False)
