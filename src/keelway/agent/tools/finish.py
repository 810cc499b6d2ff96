# ruff: noqa: D417  (the library hands `ctx` over; the model does not see it)
"""Naming what was done."""

from pydantic_ai import ModelRetry, RunContext

from keelway.agent.deps import Deps

LONGEST = 80


async def finish(ctx: RunContext[Deps], title: str) -> str:
    """Name the version that this work becomes. Call it once, when everything works.

    Args:
        title: What was asked and done, as an imperative of three to eight words.
    """
    words = " ".join(title.split())
    if not words:
        raise ModelRetry("The title is empty.")
    ctx.deps.title = words[:LONGEST]
    return "The version is named. Now tell the person in a sentence or two what they have."
