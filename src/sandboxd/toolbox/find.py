"""Text in files: found by grep inside the sandbox, replaced as literal text (ENGINE-CONTRACT 4.2).

No pattern of a client ever reaches Python's `re`: a hostile one would stop the engine (TRUST.md T33).
"""

from collections.abc import AsyncIterator

from pydantic import BaseModel, Field, StrictStr
from starlette.responses import Response

from sandboxd.errors import SandboxdError
from sandboxd.toolbox.execute import run
from sandboxd.toolbox.files import file_errors
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.wire import Call, Routes, answer

routes = Routes()

SECONDS = 10.0
LIMIT = 10_000


class ReplaceBody(BaseModel):
    files: list[StrictStr]
    pattern: StrictStr
    new_value: StrictStr = Field(alias="newValue")


@routes.route("GET", "/files/find")
async def find(call: Call) -> Response:
    within = inside(call)
    path = within.path(call.query.get("path"))
    pattern = call.need("pattern")
    with file_errors(path):
        await within.files.stat(path)
    code, output = await _grep(within, "-E", pattern, path)
    if code == 2:  # not a regular expression: then it is meant literally
        _, output = await _grep(within, "-F", pattern, path)
    return answer(_matches(output))


async def _grep(within: Inside, kind: str, pattern: str, path: str) -> tuple[int, str]:
    # -Z ends the file's name with a zero byte: names may hold colons and newlines.
    script = 'grep -rnHIZ "$1" -e "$2" -- "$3" 2>/dev/null | head -n "$4"; exit "${PIPESTATUS[0]}"'
    argv = ["bash", "-c", script, "find", kind, pattern, path, str(LIMIT)]
    return await run(within, argv, env={"LC_ALL": "C.UTF-8"}, cwd="/", seconds=SECONDS)


def _matches(output: str) -> list[dict[str, object]]:
    matches: list[dict[str, object]] = []
    position = 0
    while (end := output.find("\0", position)) >= 0:
        stop = output.find("\n", end)
        stop = len(output) if stop < 0 else stop
        line, _, content = output[end + 1 : stop].partition(":")
        if line.isdigit():
            matches.append({"file": output[position:end], "line": int(line), "content": content})
        position = stop + 1
    return matches


@routes.route("POST", "/files/replace")
async def replace(call: Call) -> Response:
    within = inside(call)
    body = await call.model(ReplaceBody)
    return answer([await _replace(within, name, body) for name in body.files])


async def _replace(within: Inside, name: str, body: ReplaceBody) -> dict[str, object]:
    path = within.path(name)
    try:
        with file_errors(path):
            old = await within.files.read(path)
            new = old.replace(body.pattern.encode(), body.new_value.encode())
            if body.pattern and new != old:
                await within.files.write(path, _once(new))
    except SandboxdError as error:
        return {"file": path, "success": False, "error": error.message}
    return {"file": path, "success": True, "error": ""}


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
