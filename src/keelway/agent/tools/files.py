# ruff: noqa: D417  (the library hands `ctx` over; the model does not see it)
"""Reading and changing the project's files, by whole file, exact passage, or name."""

from collections.abc import Sequence

from pydantic_ai import ModelRetry, RunContext

from keelway.agent.deps import Deps, announce, clip
from keelway.fragments.build import Change, Delete, Write
from keelway.fragments.errors import FileTooLarge, PathClash, UnsafePath
from keelway.fragments.fragment import Fragment
from keelway.fragments.paths import check_path, ignored
from keelway.workspaces.manifest import ROOT

MANY = 500
"""Lines of a listing or of search results that are shown."""


async def list_files(ctx: RunContext[Deps], under: str = "") -> str:
    """List the project's files with their sizes in bytes.

    Args:
        under: Folder to look into, relative to the project root; empty for everything.
    """
    workspace = await ctx.deps.workspace()
    rows = await workspace.list_files(_folder(under))
    if not rows:
        return f"There are no files under {under}." if under else "The project has no files yet."
    lines = [f"{row.path} ({row.size})" for row in rows[:MANY]]
    if len(rows) > MANY:
        lines.append(f"… and {len(rows) - MANY} more; name a folder to see them.")
    return clip("\n".join(lines))


async def read_file(
    ctx: RunContext[Deps], path: str, start: int | None = None, end: int | None = None
) -> str:
    """Read a text file, whole or some of its lines.

    Args:
        path: File to read, relative to the project root.
        start: First line to show, counted from 1.
        end: Last line to show.
    """
    path = _path(path)
    if ignored(path) and path.rsplit("/", 1)[-1].startswith(".env"):
        raise ModelRetry(f"{path} is protected: it holds secrets.")
    text = await _text(ctx, path)
    lines = text.split("\n")
    if start is None and end is None:
        return clip(text) if text else f"{path} is empty."
    first, last = max(1, start or 1), min(len(lines), end or len(lines))
    if first > last:
        raise ModelRetry(f"{path} has {len(lines)} lines; there is nothing in {first} to {last}.")
    return clip("\n".join(lines[first - 1 : last]))


async def write_file(ctx: RunContext[Deps], path: str, content: str) -> str:
    """Create a file, or replace all of it.

    Args:
        path: File to write, relative to the project root; missing folders are made.
        content: The whole new content.
    """
    path = _changeable(path)
    fragment = await _apply(ctx, [Write(path, content.encode())], f"Write {path}")
    return f"Wrote {path}." if fragment else f"{path} already had exactly this content."


async def edit_file(ctx: RunContext[Deps], path: str, old: str, new: str) -> str:
    """Replace one exact passage of a file.

    Args:
        path: File to edit, relative to the project root.
        old: The passage to replace. It must occur exactly once.
        new: What to put in its place.
    """
    path = _changeable(path)
    if await _made_before(ctx):
        return f"Edited {path}."
    if not old:
        raise ModelRetry("The passage to replace is empty; use write_file for a new file.")
    text = await _text(ctx, path)
    match text.count(old):
        case 1:
            fragment = await _apply(
                ctx, [Write(path, text.replace(old, new).encode())], f"Edit {path}"
            )
            return f"Edited {path}." if fragment else "The two passages are the same."
        case 0:
            raise ModelRetry(f"{path} does not contain that passage; read it and copy exactly.")
        case n:
            raise ModelRetry(f"That passage occurs {n} times in {path}; include more around it.")


async def delete_file(ctx: RunContext[Deps], path: str) -> str:
    """Delete one file.

    Args:
        path: File to delete, relative to the project root.
    """
    path = _changeable(path)
    if not await _made_before(ctx):
        await _bytes(ctx, path)
        await _apply(ctx, [Delete(path)], f"Delete {path}")
    return f"Deleted {path}."


async def move_file(ctx: RunContext[Deps], path: str, to: str) -> str:
    """Move or rename one file.

    Args:
        path: File to move, relative to the project root.
        to: Its new path, relative to the project root.
    """
    path, to = _changeable(path), _changeable(to)
    if not await _made_before(ctx):
        if path == to:
            raise ModelRetry("That is where the file already is.")
        workspace = await ctx.deps.workspace()
        data = await _bytes(ctx, path)
        rows = {row.path: row for row in await workspace.list_files("")}
        if to in rows:
            raise ModelRetry(f"There is already a file {to}; delete it first if it may go.")
        mode = rows[path].mode if path in rows else 0o100644
        await _apply(ctx, [Write(to, data, mode), Delete(path)], f"Move {path} to {to}")
    return f"Moved {path} to {to}."


async def search(ctx: RunContext[Deps], pattern: str, under: str = "") -> str:
    """Find lines that match an extended regular expression (grep -E).

    Args:
        pattern: What to look for.
        under: Folder to look into, relative to the project root; empty for everything.
    """
    workspace = await ctx.deps.workspace()
    matches = await workspace.search(pattern, _folder(under))
    if not matches:
        return f'No line matches "{pattern}".'
    lines = [f"{m.path}:{m.line}: {m.text[:300]}" for m in matches[:MANY]]
    if len(matches) > MANY:
        lines.append(f"… and {len(matches) - MANY} more.")
    return clip("\n".join(lines))


async def _apply(ctx: RunContext[Deps], changes: Sequence[Change], title: str) -> Fragment | None:
    workspace = await ctx.deps.workspace()
    try:
        fragment = await workspace.apply(changes, ctx.deps.step(ctx, "agent", title))
    except (UnsafePath, PathClash, FileTooLarge) as error:
        raise ModelRetry(error.message) from error
    await announce(ctx, fragment)
    return fragment


async def _made_before(ctx: RunContext[Deps]) -> bool:
    """This very call made its fragment before the server was killed; only the answer is missing."""
    fragment = await ctx.deps.made(ctx.deps.calls.name(ctx.tool_call_id))
    await announce(ctx, fragment)
    return fragment is not None


async def _bytes(ctx: RunContext[Deps], path: str) -> bytes:
    workspace = await ctx.deps.workspace()
    try:
        return await workspace.read(path)
    except FileNotFoundError as error:
        raise ModelRetry(f"There is no file {path}; list_files shows what there is.") from error
    except IsADirectoryError as error:
        raise ModelRetry(f"{path} is a folder; name a file in it.") from error
    except PermissionError as error:
        raise ModelRetry(f"{path} may not be read.") from error


async def _text(ctx: RunContext[Deps], path: str) -> str:
    data = await _bytes(ctx, path)
    if b"\0" in data[:8192]:
        raise ModelRetry(f"{path} is not text ({len(data)} bytes).")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ModelRetry(f"{path} is not UTF-8 text ({len(data)} bytes).") from error


def _path(path: str) -> str:
    """The path as the project knows it; refuses what lies outside."""
    relative = path.removeprefix(f"{ROOT}/").removeprefix("./")
    try:
        return check_path(relative)
    except UnsafePath as error:
        raise ModelRetry(error.message) from error


def _changeable(path: str) -> str:
    """A path a version may hold; refuses what is protected."""
    checked = _path(path)
    if ignored(checked):
        raise ModelRetry(
            f"{checked} is protected: it is made by tools or holds secrets, and no version keeps it."
        )
    return checked


def _folder(under: str) -> str:
    folder = under.removeprefix(ROOT).strip("/").removeprefix("./")
    return "" if folder in ("", ".") else _path(folder)
