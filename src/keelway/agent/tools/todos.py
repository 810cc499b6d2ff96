# ruff: noqa: D417  (the library hands `ctx` over; the model does not see it)
"""The plan, as the person sees it."""

from pydantic import BaseModel
from pydantic_ai import RunContext

from keelway.agent.deps import Deps


class Todo(BaseModel):
    """One thing to do."""

    text: str
    """What is to be done."""
    done: bool = False
    """Whether it is done."""


async def todos(ctx: RunContext[Deps], items: list[Todo]) -> str:  # noqa: ARG001 (a tool's form)
    """Show the person the plan; call it again whenever an item is done.

    Args:
        items: The whole list, in order.
    """
    return f"{sum(item.done for item in items)} of {len(items)} done."
