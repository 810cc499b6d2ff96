"""Parsed JSON whose shape nobody promised: look before you touch."""

import json
from collections.abc import Callable
from json import decoder
from typing import Any, cast

_string_at = cast("Callable[[str, int, bool], tuple[str, int]]", decoder.scanstring)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
"""Json's own reader of one string: the text and where it ends; typeshed does not name it."""
SMALL = 1024 * 1024
"""Characters of JSON that are parsed unseen; a value costs at most some 60 bytes for each two of them."""
MOST = 2_000_000
"""Characters outside of strings: 300,000 files in one map have fewer."""


def parsed(text: str) -> Any:
    """JSON as Python values, unless it is made to fill the memory. Raises ValueError, RecursionError."""
    if len(text) > SMALL and _outside(text) > MOST:
        raise ValueError("It holds millions of values.")
    return json.loads(text)


def _outside(text: str) -> int:
    """How many characters stand outside of strings, counted until there are too many."""
    count = at = 0
    while count <= MOST:
        start = text.find('"', at)
        if start < 0:
            return count + len(text) - at
        count += start - at + 2
        at = _string_at(text, start + 1, False)[1]
    return count


def as_object(value: Any) -> dict[str, Any] | None:
    """The value if it is a JSON object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: Any) -> list[Any] | None:
    """The value if it is a JSON array."""
    return cast("list[Any]", value) if isinstance(value, list) else None
