"""Looking whether the app is sound."""

from pydantic_ai import RunContext

from keelway.agent.deps import Deps, clip


async def check_app(ctx: RunContext[Deps]) -> str:
    """Check the app: its structure, types, the dev server's log, and whether the page answers."""
    workspace = await ctx.deps.workspace()
    checks = await workspace.check()
    failed = [check for check in checks if not check.passed]
    first = f"{len(failed)} of {len(checks)} checks failed." if failed else "Every check passed."
    lines = [f"{'passed' if c.passed else 'failed'} {c.name}: {c.message}" for c in checks]
    return clip("\n".join((first, *lines)))
