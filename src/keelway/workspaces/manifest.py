"""What is in a sandbox's working tree right now, asked by one command.

The answer is as honest as the sandbox; one that lies harms its own versions only.
"""

import base64
import binascii
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from keelway.fragments.paths import IGNORED_AT_ROOT, IGNORED_NAMES, ignored
from keelway.fragments.tree import EXECUTABLE, FILE, LINK
from keelway.sandboxes.errors import SandboxError
from keelway.sandboxes.sandbox import Sandbox

ROOT = "/home/daytona/workspace"
NOTES = "/home/daytona/.keelway"
"""Beside the working tree: which tree it was last equal to, and what is installed in it."""
BASE = f"{NOTES}/base"
INSTALLED = f"{NOTES}/installed"

RACY_SECONDS = 0.1
"""A file changed so shortly before the listing may change again without a trace in its times."""


@dataclass(frozen=True, slots=True)
class Row:
    """One path. `kind` is find's letter (f, l, d …), `stat` changes whenever the file does."""

    kind: str
    mode: int
    size: int
    stat: str
    changed: float
    target: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """All paths that a version could hold, and folders. `now` is the sandbox's clock.

    `hashes` (SHA-256 by path) only when asked for; `unreadable` are names that are not UTF-8.
    """

    now: float
    base: str
    installed: str
    rows: Mapping[str, Row]
    hashes: Mapping[str, str]
    unreadable: tuple[bytes, ...]

    def files(self) -> Mapping[str, Row]:
        """Regular files and symbolic links."""
        return {path: row for path, row in self.rows.items() if row.kind in "fl"}


def git_mode(row: Row) -> int:
    """Git's mode for a file or link: its owner's executable bit is all that counts."""
    if row.kind == "l":
        return LINK
    return EXECUTABLE if row.mode & 0o100 else FILE


async def look(sandbox: Sandbox, *, hashes: bool = False) -> Manifest:
    """List the working tree; with `hashes`, also hash every file in it."""
    answer = await sandbox.check(listing(hashes=hashes))
    try:
        return decode(answer)
    except (binascii.Error, ValueError, IndexError) as error:
        raise SandboxError("The sandbox's file list is damaged.", sandbox=sandbox.id) from error


def listing(*, hashes: bool) -> str:
    """The command. Its answer is base64, because names may hold anything but NUL and '/'."""
    parts = [
        f"cd '{ROOT}'",
        "date +%s.%N",
        f"cat '{BASE}' 2>/dev/null",
        r"printf '\0'",
        f"cat '{INSTALLED}' 2>/dev/null",
        r"printf '\0'",
        _find(r"-printf '%P\0%l\0%y %m %s %T@ %C@ %i\0'"),
    ]
    if hashes:
        parts += [r"printf '\0'", _find(r"-type f -printf '%P\0'") + " | xargs -0r sha256sum -z --"]
    work = "; ".join(parts)
    return f"mkdir -p '{ROOT}' '{NOTES}'; {{ {work}; }} 2>/dev/null | base64 -w0"


def decode(answer: str) -> Manifest:
    """The command's answer. ValueError or IndexError when it is not one."""
    return parse(base64.b64decode(answer.strip(), validate=True))


def _find(action: str) -> str:
    names = " -o ".join(f"-name {shlex.quote(name)}" for name in sorted(IGNORED_NAMES))
    at_root = " -o ".join(f"-path ./{name}" for name in sorted(IGNORED_AT_ROOT))
    return f"/usr/bin/find . -mindepth 1 -type d \\( {names} -o {at_root} \\) -prune -o {action}"


def parse(data: bytes) -> Manifest:
    """The listing's text. ValueError or IndexError when it is not one."""
    head, _, rest = data.partition(b"\n")
    base, installed, *fields = rest.split(b"\0")
    rows: dict[str, Row] = {}
    odd: list[bytes] = []
    at = 0
    while at < len(fields) and fields[at]:
        name, target, facts = fields[at : at + 3]
        at += 3
        path = _text(name)
        if path is None:
            odd.append(name)
        elif not ignored(path):
            rows[path] = _row(target, facts.decode())
    hashes = dict(_hash(line) for line in fields[at + 1 :] if line)
    return Manifest(
        now=float(head),
        base=base.decode(errors="replace"),
        installed=installed.decode(errors="replace"),
        rows=rows,
        hashes={path: digest for path, digest in hashes.items() if path in rows},
        unreadable=tuple(odd),
    )


def _row(target: bytes, facts: str) -> Row:
    kind, mode, size, _, changed, _ = facts.split(" ")
    stat = facts if kind != "l" else f"{facts} {target.hex()}"
    return Row(kind, int(mode, 8), int(size), stat, float(changed), target)


def _hash(line: bytes) -> tuple[str, str]:
    digest, _, name = line.partition(b"  ")
    return _text(name) or "", digest.decode()


def _text(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


def words(paths: Iterable[str | bytes], limit: int = 60_000) -> Iterable[str]:
    """The paths as base64 of NUL-ended names, cut so that each fits into a command line."""
    batch = bytearray()
    for path in paths:
        name = path.encode() if isinstance(path, str) else path
        if batch and len(batch) + len(name) + 1 > limit:
            yield base64.b64encode(batch).decode()
            batch.clear()
        batch += name + b"\0"
    if batch:
        yield base64.b64encode(batch).decode()
