"""What a workspace is asked with and answers with."""

from dataclasses import dataclass

from keelway.fragments.fragment import Fragment, FragmentKind
from keelway.ids import TurnId


@dataclass(frozen=True, slots=True)
class Step:
    """What a change says of itself; the tool call's id makes it happen once."""

    kind: FragmentKind
    title: str
    turn_id: TurnId | None = None
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of the project. `mode` is git's; `size` in bytes."""

    path: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Match:
    """A line that a search found, counted from 1."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended.

    `exit_code` is None when it was killed. `output` is at most 64 KB, its middle left out; `kept` is
    at most 10 MB. `fragment` holds what the command changed, None when nothing.
    """

    exit_code: int | None
    output: str
    timed_out: bool
    fragment: Fragment | None
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the app, and its answer in a sentence."""

    name: str
    passed: bool
    message: str
