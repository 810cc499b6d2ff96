"""One command, run to its end: `POST /process/execute` (ENGINE-CONTRACT 4.4)."""

import asyncio
import os
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, StrictStr
from starlette.responses import Response

from sandboxd.errors import BadRequest, SandboxdError
from sandboxd.toolbox import jobs
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.toolbox.pipes import Output, Reader, output_pipe
from sandboxd.wire import Call, Routes, answer

routes = Routes()


class TimedOut(SandboxdError):
    status, code, source = 408, "PROCESS_EXECUTION_TIMEOUT", "DAYTONA_DAEMON"


class ClientGone(SandboxdError):
    status, code = 499, "CLIENT_CLOSED_REQUEST"


class ExecuteBody(BaseModel):
    command: StrictStr
    cwd: StrictStr | None = None
    envs: dict[StrictStr, StrictStr] | None = None
    timeout: float | None = None


@routes.route("POST", "/process/execute")
async def execute(call: Call) -> Response:
    body = await call.model(ExecuteBody)
    within = inside(call)
    if not body.command.strip():
        raise BadRequest("command is empty")
    with call.box.activity():
        code, output = await run_for(
            call,
            within,
            [await within.shell(), "-c", body.command],
            env=body.envs,
            cwd=body.cwd,
            seconds=body.timeout or None,
        )
    return answer({"exitCode": code, "result": output})


async def run_for(
    call: Call,
    within: Inside,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    seconds: float | None = None,
) -> tuple[int, str]:
    """As `run`, and killed when the client that waits for it is gone."""
    try:
        async with asyncio.timeout(None) as scope:
            watching = call.engine.tasks.spawn(_expire_when_gone(call, scope), "exec client")
            try:
                return await run(within, argv, env=env, cwd=cwd, seconds=seconds)
            finally:
                watching.cancel()
    except TimeoutError:
        raise ClientGone("The client closed the connection") from None


async def _expire_when_gone(call: Call, scope: asyncio.Timeout) -> None:
    while (await call.http.receive())["type"] != "http.disconnect":
        pass
    scope.reschedule(asyncio.get_running_loop().time())


async def run(
    within: Inside,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    seconds: float | None = None,
) -> tuple[int, str]:
    """The exit code and the merged output of a command.

    Raises `TimedOut` after `seconds`, with every process of the command dead by then, and
    `SpawnFailed` when it cannot start. Cancelled, it kills the same.
    """
    output = Output(within.engine.settings.output_limit)
    job, reader = await _start(within, argv, env, cwd, output)
    try:
        async with asyncio.timeout(seconds):
            code = await job.wait()
            await reader.ended.wait()
    except TimeoutError:
        await job.end()
        raise TimedOut(f"command execution timeout: killed after {seconds:g} s") from None
    except asyncio.CancelledError:
        await job.end()
        raise
    finally:
        reader.close()
    return code, output.text()


async def _start(
    within: Inside,
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: str | None,
    output: Output,
) -> tuple[jobs.Job, Reader]:
    reading, writing = output_pipe(within.engine.runtime.owner)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    reader = Reader(reading, output.add)
    try:
        job = await within.start(argv, env, cwd, stdin=null, stdout=writing, stderr=writing)
    except BaseException:
        reader.close()
        raise
    finally:
        os.close(writing)
        os.close(null)
    return job, reader
