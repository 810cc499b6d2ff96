# ruff: noqa: D417  (the library hands `ctx` over; the model does not see it)
"""Adding packages to the project."""

import re

from pydantic_ai import ModelRetry, RunContext

from keelway.agent.deps import Deps, announce, clip
from keelway.agent.events import CommandOutput, tail
from keelway.agent.tools.commands import interrupted, live

NAME = re.compile(r"(@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*(@[\w.^~<>=*-]+)?", re.ASCII)
"""An npm package with an optional version range: no options, folders or addresses."""
LONGEST = 64


async def install_packages(ctx: RunContext[Deps], packages: list[str]) -> str:
    """Install npm packages and add them to package.json.

    Args:
        packages: Names, each with an optional version, such as "date-fns" or "zod@4".
    """
    if not packages:
        raise ModelRetry("Name at least one package.")
    for name in packages:
        if len(name) > 214 or not NAME.fullmatch(name):
            raise ModelRetry(f'"{name}" is not the name of an npm package.')
    if len(packages) > LONGEST:
        raise ModelRetry(f"At most {LONGEST} packages at once.")
    step = ctx.deps.step(ctx, "command", f"Install {', '.join(packages)}"[:120])
    workspace = await ctx.deps.workspace()
    if step.tool_call_id in ctx.deps.calls.begun:
        return interrupted(await workspace.interrupted(step))
    ctx.deps.command = step
    await ctx.deps.started(step.tool_call_id or "")
    ran = await workspace.install(packages, step, output=live(ctx))
    ctx.deps.command = None
    await ctx.emit(
        CommandOutput(call=ctx.deps.calls.name(ctx.tool_call_id), output=tail(ran.output))
    )
    await announce(ctx, ran.fragment)
    if ran.exit_code == 0:
        return f"Installed {', '.join(packages)}."
    return clip(f"The packages could not be installed.\n{ran.output}".rstrip())
