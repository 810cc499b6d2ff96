"""Files of a running sandbox (ENGINE-CONTRACT 4.2), all through `SafeFiles`."""

import errno
import stat
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from starlette.responses import Response

from sandboxd.errors import BadRequest, SandboxdError
from sandboxd.safefs import FileStat
from sandboxd.settings import USER
from sandboxd.store import stamp
from sandboxd.toolbox.inside import inside
from sandboxd.wire import Call, Routes, answer, nothing, to_int

routes = Routes()

OWN_USERS = {None, "", USER, "1000"}


class FileError(SandboxdError):
    source = "DAYTONA_DAEMON"


def file_error(error: OSError, path: str) -> FileError:
    """The wire's name for what the kernel said about `path`."""
    shown = error.filename if isinstance(error.filename, str) else path
    match error.errno:
        case errno.ENOENT:
            return FileError(f"{shown}: no such file", status=404, code="FILE_NOT_FOUND")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return FileError(f"{shown}: access denied", status=403, code="FILE_ACCESS_DENIED")
        case errno.EEXIST | errno.ENOTEMPTY:
            return FileError(f"{shown}: already exists", status=409, code="CONFLICT")
        case errno.EISDIR:
            return FileError(f"{shown}: is a directory", status=400, code="INVALID_FILE_PATH")
        case errno.ENOTDIR:
            return FileError(f"{shown}: not a directory", status=400, code="INVALID_FILE_PATH")
        case errno.ELOOP | errno.ENAMETOOLONG | errno.EINVAL | errno.EXDEV | errno.EFBIG:
            return FileError(f"{shown}: {error.strerror}", status=400, code="INVALID_FILE_PATH")
        case errno.ENOSPC | errno.EDQUOT:
            return FileError("No space left in the sandbox", status=507, code="NO_SPACE")
        case _:
            reason = error.strerror or "unreadable"
            return FileError(f"{shown}: {reason}", status=500, code="FILE_READ_FAILED")


@contextmanager
def file_errors(path: str) -> Generator[None]:
    """Translate the kernel's errors, once, here."""
    try:
        yield
    except ValueError as error:
        raise FileError(f"{path!r}: {error}", status=400, code="INVALID_FILE_PATH") from error
    except OSError as error:
        raise file_error(error, path) from error


def file_info(info: FileStat) -> dict[str, object]:
    """A FileInfo. Everything inside belongs to the sandbox's one user or to root."""
    moment = stamp(datetime.fromtimestamp(info.mtime, UTC))
    return {
        "name": info.name,
        "path": info.path,
        "isDir": info.is_dir,
        "size": info.size,
        "modTime": moment,
        "modifiedAt": moment,
        "mode": stat.filemode(info.mode),
        "permissions": f"{stat.S_IMODE(info.mode):04o}",
        "owner": USER,
        "group": USER,
    }


@routes.route("GET", "/files")
async def list_files(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.query.get("path"))
    depth = to_int(call.query.get("depth") or "1", "depth")
    if depth < 1:
        raise BadRequest("depth must be at least 1")
    with file_errors(path):
        found = await within.files.list(path, depth)
    return answer([file_info(info) for info in found])


@routes.route("GET", "/files/info")
async def info(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    with file_errors(path):
        return answer(file_info(await within.files.stat(path)))


@routes.route("POST", "/files/folder")
async def folder(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    with file_errors(path):
        await within.files.mkdir(path, to_mode(call.query.get("mode") or "755"))
    return nothing(201)


@routes.route("DELETE", "/files")
async def delete(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    with file_errors(path):
        await within.files.remove(path, call.flag("recursive"))
    return nothing(204)


@routes.route("POST", "/files/move")
async def move(call: Call) -> Response:
    within = inside(call)
    source, target = within.path(call.need("source")), within.path(call.need("destination"))
    with file_errors(source):
        await within.files.move(source, target)
    return nothing()


@routes.route("POST", "/files/permissions")
async def permissions(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    for name in ("owner", "group"):
        if call.query.get(name) not in OWN_USERS:
            raise FileError(
                f"{name} can only be {USER}: a sandbox has one user",
                status=403,
                code="FILE_ACCESS_DENIED",
            )
    with file_errors(path):
        mode = call.query.get("mode")
        if mode:
            await within.files.chmod(path, to_mode(mode))
        else:
            await within.files.stat(path)
    return nothing()


@routes.route("GET", "/files/search")
async def search(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.query.get("path"))
    with file_errors(path):
        return answer({"files": await within.files.search(path, call.need("pattern"))})


def to_mode(text: str) -> int:
    """An octal mode such as `755`; raises `BadRequest`."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise BadRequest(f"{text} is not an octal mode")
    return mode
