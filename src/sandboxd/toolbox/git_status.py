"""`git status` in the wire's words (ENGINE-CONTRACT 4.6)."""

from typing import Any

STATES = {
    ".": "Unmodified",
    "M": "Modified",
    "T": "Modified",
    "A": "Added",
    "D": "Deleted",
    "R": "Renamed",
    "C": "Copied",
    "U": "Updated but unmerged",
    "?": "Untracked",
}


def parse_status(output: str) -> dict[str, Any]:
    """A GitStatus from `git status --porcelain=v2 --branch -z`."""
    status: dict[str, Any] = {"currentBranch": "", "fileStatus": [], "detached": False}
    fields = iter(output.split("\0"))
    for entry in fields:
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            _header(status, rest)
        elif kind == "1":
            status["fileStatus"].append(_file(rest[:2], rest.split(" ", 7)[7]))
        elif kind == "2":
            status["fileStatus"].append(_file(rest[:2], rest.split(" ", 8)[8], next(fields, "")))
        elif kind == "u":
            status["fileStatus"].append(_file("UU", rest.split(" ", 9)[9]))
        elif kind == "?":
            status["fileStatus"].append(_file("??", rest))
    status["branchPublished"] = "upstream" in status
    return status


def _header(status: dict[str, Any], text: str) -> None:
    name, _, value = text.partition(" ")
    match name:
        case "branch.head":
            status["detached"] = value == "(detached)"
            status["currentBranch"] = "HEAD" if status["detached"] else value
        case "branch.upstream":
            status["upstream"] = value
        case "branch.ab":
            ahead, behind = value.split()
            status["ahead"], status["behind"] = int(ahead), -int(behind)
        case _:
            pass


def _file(states: str, name: str, extra: str = "") -> dict[str, str]:
    return {
        "name": name,
        "staging": STATES.get(states[0], "Modified"),
        "worktree": STATES.get(states[1], "Modified"),
        "extra": extra,
    }
