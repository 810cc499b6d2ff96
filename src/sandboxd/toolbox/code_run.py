"""Code in a language, run once: `POST /process/code-run` (ENGINE-CONTRACT 4.4)."""

from pydantic import BaseModel, StrictStr
from starlette.responses import Response

from sandboxd.errors import BadRequest
from sandboxd.toolbox.execute import run_for
from sandboxd.toolbox.inside import inside
from sandboxd.wire import Call, Routes, answer

routes = Routes()

# What runs a program given as text. Node counts `[eval]` as the script, so that its arguments
# begin where those of a file would.
LANGUAGES: dict[str, tuple[list[str], list[str]]] = {
    "python": (["python3", "-c"], []),
    "javascript": (["node", "-e"], ["[eval]"]),
    "typescript": (["node", "--no-warnings", "--input-type=module-typescript", "-e"], ["[eval]"]),
}
# The kernel takes arguments of up to 128 KiB.
ARGUMENT_LIMIT = 120 * 1024


class CodeRunBody(BaseModel):
    code: StrictStr
    language: StrictStr | None = None
    argv: list[StrictStr] | None = None
    envs: dict[StrictStr, StrictStr] | None = None
    timeout: float | None = None


@routes.route("POST", "/process/code-run")
async def code_run(call: Call) -> Response:
    body = await call.model(CodeRunBody)
    language = body.language or "python"
    if language not in LANGUAGES:
        raise BadRequest(f"language must be one of {', '.join(LANGUAGES)}")
    if len(body.code.encode(errors="replace")) > ARGUMENT_LIMIT:
        raise BadRequest(f"code may have at most {ARGUMENT_LIMIT} bytes; upload it as a file")
    command, script = LANGUAGES[language]
    with call.box.activity():
        code, output = await run_for(
            call,
            inside(call),
            [*command, body.code, *script, *(body.argv or [])],
            env=body.envs,
            seconds=body.timeout or None,
        )
    return answer({"exitCode": code, "result": output, "artifacts": {"charts": []}})
