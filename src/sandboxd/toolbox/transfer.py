"""Files in and out, in bulk, byte for byte as the SDKs expect (ENGINE-CONTRACT 4.3)."""

import hashlib
import hmac
import json
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from urllib.parse import quote

from pydantic import BaseModel, StrictStr
from starlette.responses import Response, StreamingResponse

from sandboxd.errors import BadRequest, SandboxdError, Unauthorized
from sandboxd.toolbox.files import FileError, file_errors
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.toolbox.multipart import parts
from sandboxd.wire import Call, Routes, answer, error_body

routes = Routes()

_FIELD = re.compile(r"files\[(\d{1,9})\]\.(path|file)")
_PATH_LIMIT = 8192


class DownloadBody(BaseModel):
    paths: list[StrictStr]


@routes.route("POST", "/files/bulk-upload")
async def upload(call: Call) -> Response:
    """Pairs parts by index; the destination is the `.path` part alone, never a file name."""
    within = inside(call)
    paths: dict[str, str] = {}
    written: list[dict[str, object]] = []
    errors: list[str] = []
    with call.box.activity():
        async for part in parts(call.headers.get("content-type", ""), call.http.stream()):
            field = _FIELD.fullmatch(part.name)
            if field is None:
                continue
            index, kind = field.groups()
            if kind == "path":
                paths[index] = await _text(part.chunks)
            elif index not in paths:
                errors.append(f"files[{index}].file came before files[{index}].path")
            else:
                path = within.path(paths[index])
                try:
                    with file_errors(path):
                        size = await within.files.write(path, part.chunks)
                    written.append({"path": path, "bytes": size})
                except FileError as error:
                    errors.append(error.message)
    if errors:
        body = error_body(BadRequest("; ".join(errors)), call.scope)
        return answer({**body, "source": "DAYTONA_DAEMON", "errors": errors}, 400)
    return answer({"files": written})


async def _text(chunks: AsyncIterator[bytes]) -> str:
    data = b""
    async for chunk in chunks:
        data += chunk
        if len(data) > _PATH_LIMIT:
            raise BadRequest("A path is too long")
    return data.decode(errors="surrogateescape")


BYTES = "application/octet-stream"
WHOLE = 4 * 1024 * 1024
"""Files up to so many bytes are read before their length is said: they may be changing."""


@routes.route("POST", "/files/bulk-download")
async def download(call: Call) -> Response:
    within = inside(call)
    body = await call.model(DownloadBody)
    boundary = secrets.token_hex(16)
    return StreamingResponse(
        _download(call, within, body.paths, boundary),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )


async def _download(
    call: Call, within: Inside, paths: list[str], boundary: str
) -> AsyncIterator[bytes]:
    with call.box.activity():
        for path in dict.fromkeys(paths):
            async for chunk in _part(call, within, path, boundary):
                yield chunk
    yield f"--{boundary}--\r\n".encode()


async def _part(call: Call, within: Inside, path: str, boundary: str) -> AsyncIterator[bytes]:
    target = within.path(path)
    try:
        with file_errors(target):
            info = await within.files.stat(target)
            if info.is_dir:
                raise IsADirectoryError(21, "Is a directory", target)
            small = info.size <= WHOLE
            chunks = within.files.read_chunks(target)
            first = await (within.files.read(target, 2 * WHOLE) if small else anext(chunks, b""))
    except SandboxdError as error:
        body = json.dumps(error_body(error, call.scope)).encode()
        yield _head(boundary, "error", path, "application/json", len(body)) + body + b"\r\n"
        return
    if small:
        yield _head(boundary, "file", path, BYTES, len(first)) + first + b"\r\n"
        return
    async for piece in _promised(path, info.size, first, chunks, boundary):
        yield piece


async def _promised(
    path: str, size: int, first: bytes, chunks: AsyncIterator[bytes], boundary: str
) -> AsyncIterator[bytes]:
    """A part whose length is said before it is read: if it shrinks, the connection is broken off."""
    yield _head(boundary, "file", path, BYTES, size)
    left = size
    piece = first
    while piece and left:
        yield piece[:left]
        left -= len(piece[:left])
        piece = await anext(chunks, b"")
    await chunks.aclose()  # pyright: ignore[reportAttributeAccessIssue]
    if left:
        raise FileError(f"{path} shrank while it was read", code="FILE_READ_FAILED")
    yield b"\r\n"


def _head(boundary: str, name: str, path: str, kind: str, length: int) -> bytes:
    return (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name}"; {_filename(path)}\r\n'
        f"Content-Type: {kind}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode("latin-1")


def _filename(path: str) -> str:
    """Both spellings where one alone is misread by some SDK."""
    plain = "".join(sign if " " <= sign <= "~" else "_" for sign in path)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    if plain == path:
        return f'filename="{escaped}"'
    return f"filename=\"{escaped}\"; filename*=UTF-8''{quote(path, safe='', errors='replace')}"


# -- one file, also by a signed address -----------------------------------------------------------


@routes.route("GET", "/files/download")
async def download_one(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    with file_errors(path):
        info = await within.files.stat(path)
        if info.is_dir:
            raise IsADirectoryError(21, "Is a directory", path)
        chunks = within.files.read_chunks(path)
        first = await anext(chunks, b"")
    headers = {
        "Content-Disposition": f"attachment; {_filename(info.name)}",
        "Content-Length": str(info.size),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return StreamingResponse(
        _exactly(first, chunks, info.size), headers=headers, media_type="application/octet-stream"
    )


async def _exactly(first: bytes, rest: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    piece = first
    while piece and length > 0:
        yield piece[:length]
        length -= len(piece)
        piece = await anext(rest, b"")


@routes.route("POST", "/files/upload-v2")
async def upload_one(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.need("path"))
    kind = call.headers.get("content-type", "")
    with file_errors(path):
        if not kind.startswith("multipart/form-data"):
            await within.files.write(path, call.http.stream())
        else:
            async for part in parts(kind, call.http.stream()):
                if part.name == "file":
                    await within.files.write(path, part.chunks)
    return answer({"name": path.rpartition("/")[2], "path": path, "type": "file"})


def check_signature(call: Call, method: str) -> None:
    """Raises `Unauthorized` unless the address carries the sandbox's own, unexpired signature."""
    path, expires = call.query.get("path", ""), call.query.get("expires", "")
    if not expires.isdigit() or (int(expires) and int(expires) < time.time()):
        raise Unauthorized("The signed address has expired")
    key = call.box.record.signing_key.encode()
    text = f"v1:files:{method}:{path}:{expires}".encode()
    digest = urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).decode().rstrip("=")
    given = call.query.get("signature", "")
    if not hmac.compare_digest(f"v1_{digest}".encode(), given.encode()):
        raise Unauthorized("The signature does not fit this address")
