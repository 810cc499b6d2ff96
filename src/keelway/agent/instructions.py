"""What the model is told, beside the conversation."""

from collections.abc import Sequence
from importlib.resources import files
from typing import NewType

PromptText = NewType("PromptText", str)
"""Text cut to fit a model's context. Never to be written back into a project."""

LISTED = 200
"""Paths of the project that the model is shown before it asks."""


def excerpt(source: str, limit: int) -> PromptText:
    """As much of a text as the model should see, `limit` characters at most."""
    if len(source) <= limit:
        return PromptText(source)
    return PromptText(f"{source[: max(0, limit - 1)]}…")


def instructions(name: str, paths: Sequence[str]) -> PromptText:
    """The standing instructions, and what the project is."""
    words = files("keelway.agent").joinpath("prompts/agent.md").read_text(encoding="utf-8")
    listed = "\n".join(f"- {path}" for path in paths[:LISTED])
    more = f"\n- … and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return PromptText(f"{words}\nThe project is called {name!r}. Its files:\n{listed}{more}\n")
