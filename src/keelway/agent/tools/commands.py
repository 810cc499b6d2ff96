# ruff: noqa: D417  (the library hands `ctx` over; the model does not see it)
"""Running a command in the sandbox: once, watched, and within a time limit."""

from collections.abc import Awaitable, Callable

from pydantic_ai import ModelRetry, RunContext

from keelway.agent.deps import Deps, announce, clip
from keelway.agent.events import CommandOutput, tail
from keelway.workspaces.values import Ran

LONGEST = 600
"""The most time a command may ask for, seconds."""


async def run_command(ctx: RunContext[Deps], command: str, seconds: int | None = None) -> str:
    """Run a shell command in the project's root folder and wait for its end.

    The dev server runs already; do not start another. There is no terminal: a command that asks
    questions gets no answers.

    Args:
        command: What bash shall run.
        seconds: Time limit; 120 by default, 600 at most.
    """
    if not command.strip():
        raise ModelRetry("The command is empty.")
    limit = max(1, min(seconds or ctx.deps.command_seconds, LONGEST))
    first_line = command.strip().splitlines()[0][:80]
    step = ctx.deps.step(ctx, "command", f"Run {first_line}")
    workspace = await ctx.deps.workspace()
    if step.tool_call_id in ctx.deps.calls.begun:
        return interrupted(await workspace.interrupted(step))
    ctx.deps.command = step
    await ctx.deps.started(step.tool_call_id or "")
    ran = await workspace.run(command, step, seconds=limit, output=live(ctx))
    ctx.deps.command = None
    await ctx.emit(
        CommandOutput(call=ctx.deps.calls.name(ctx.tool_call_id), output=tail(ran.output))
    )
    await announce(ctx, ran.fragment)
    return clip(f"{outcome(ran, limit)}\n{ran.output}".rstrip())


def live(ctx: RunContext[Deps]) -> Callable[[str], Awaitable[None]]:
    """Where a command's output goes while it runs: its end, to the page."""
    call = ctx.deps.calls.name(ctx.tool_call_id)
    printed = ""

    async def show(piece: str) -> None:
        nonlocal printed
        printed = tail(printed + piece)
        await ctx.emit(CommandOutput(call=call, output=printed))

    return show


def outcome(ran: Ran, limit: int) -> str:
    """How a command ended, in one sentence; the page reads the number out of it."""
    if ran.timed_out:
        return f"Stopped at the time limit of {limit} s."
    if ran.exit_code is None:
        return "Ended without an exit code."
    return f"Ended with exit code {ran.exit_code}."


def interrupted(output: str) -> str:
    """The answer to a command whose server was killed: it is not started a second time."""
    said = f" Output so far:\n{output}" if output.strip() else " It had printed nothing yet."
    return clip(f"Interrupted, may have run: the server was restarted while it ran.{said}")
