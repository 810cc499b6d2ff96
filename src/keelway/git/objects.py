"""Git's small nouns: who made a commit, and what a commit's name looks like."""

import re
from dataclasses import dataclass

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree without entries; every git knows it without having it."""

_SHA = re.compile(r"[0-9a-f]{40}")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


@dataclass(frozen=True, slots=True)
class Signature:
    """An author or committer as people write it; commits get a cleaned form (fragments.build)."""

    name: str
    email: str


def is_sha(text: str) -> bool:
    """A full object name in lower-case hexadecimal; nothing else is ever handed to git."""
    return _SHA.fullmatch(text) is not None


def is_branch(text: str) -> bool:
    """A branch name that is safe as a ref and as an argument: git's own rules, and ASCII only."""
    if _BRANCH.fullmatch(text) is None or text == "HEAD":
        return False
    if ".." in text or "//" in text or text.endswith(("/", ".")):
        return False
    return not any(part.startswith(".") or part.endswith(".lock") for part in text.split("/"))
