"""Looking at a project's files: in its sandbox, or, without one, in its newest version."""

import re
import shlex
from collections.abc import Iterable, Sequence

from keelway.fragments.paths import IGNORED_NAMES, check_path, ignored
from keelway.fragments.store import FragmentStore
from keelway.fragments.tree import Tree
from keelway.projects.projects import Project
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces.errors import BadPattern
from keelway.workspaces.manifest import ROOT, git_mode, look
from keelway.workspaces.values import FileRow, Match

FOUND_BYTES = 400_000
"""Most bytes of search results fetched from a sandbox."""
FOUND = 5000


async def read(store: FragmentStore, project: Project, tree: Tree, path: str) -> bytes:
    """A file of a version. FileNotFoundError, IsADirectoryError."""
    entry = tree.get(path)
    if entry is None:
        if _under(tree, path):
            raise IsADirectoryError(path)
        raise FileNotFoundError(path)
    return (await store.read(project.key, [entry.oid]))[entry.oid]


async def some(
    store: FragmentStore, project: Project, tree: Tree, paths: Iterable[str]
) -> dict[str, bytes]:
    """Those of these files that the version has."""
    oids = {path: tree[path].oid for path in paths if path in tree}
    data = await store.read(project.key, list(oids.values()))
    return {path: data[oid] for path, oid in oids.items()}


async def listed(sandbox: Sandbox, under: str = "") -> list[FileRow]:
    """What is in the sandbox now and could be in a version."""
    rows = (await look(sandbox)).files()
    return [
        FileRow(path, row.size, git_mode(row))
        for path, row in sorted(rows.items())
        if _inside(path, under)
    ]


def of_tree(tree: Tree, under: str = "") -> list[FileRow]:
    return [
        FileRow(path, entry.size, entry.mode)
        for path, entry in sorted(tree.items())
        if _inside(path, under)
    ]


def _under(tree: Tree, folder: str) -> bool:
    return any(_inside(path, folder) and path != folder for path in tree)


def _inside(path: str, under: str) -> bool:
    folder = under.strip("/")
    return not folder or path == folder or path.startswith(f"{folder}/")


async def search(sandbox: Sandbox, pattern: str, under: str = "") -> list[Match]:
    """Text lines that match, by grep in the sandbox. BadPattern."""
    where = check_path(under.strip("/")) if under.strip("/") else "."
    aside = " ".join(f"--exclude-dir={shlex.quote(name)}" for name in sorted(IGNORED_NAMES))
    grep = f"grep -rnIEZ {aside} -e {shlex.quote(pattern)} -- {shlex.quote(where)}"
    command = f'cd {ROOT} && {{ {grep} 2>&1; echo "=$?"; }} | tail -c {FOUND_BYTES}'
    answer = (await sandbox.exec(command, seconds=30)).output
    said, _, code = answer.rstrip("\n").rpartition("=")
    if code == "2" and "\0" not in said:
        if "No such file" in said:
            return []
        raise BadPattern(f"grep does not take that pattern: {said.strip()[-200:]}")
    return [match for line in said.splitlines() if (match := _match(line))][:FOUND]


def _match(line: str) -> Match | None:
    path, nul, rest = line.partition("\0")
    number, colon, text = rest.partition(":")
    path = path.removeprefix("./")
    if not (nul and colon and number.isdecimal()) or ignored(path):
        return None
    return Match(path, int(number), text)


async def search_tree(
    store: FragmentStore, project: Project, tree: Tree, pattern: str, under: str = ""
) -> list[Match]:
    """The same on a version. BadPattern."""
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise BadPattern(f"That is not a regular expression: {error}") from error
    found: list[Match] = []
    for row in of_tree(tree, under):
        data = await read(store, project, tree, row.path)
        if b"\0" in data[:8192]:
            continue
        lines = data.decode(errors="replace").split("\n")
        found += [Match(row.path, n, text) for n, text in _numbered(lines) if wanted.search(text)]
        if len(found) > FOUND:
            break
    return found[:FOUND]


def _numbered(lines: Sequence[str]) -> Iterable[tuple[int, str]]:
    return enumerate(lines, start=1)
