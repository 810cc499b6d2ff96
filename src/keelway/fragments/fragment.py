"""A version as a value, and what a new one says of itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from keelway.db import models
from keelway.git.objects import Signature
from keelway.ids import CommitSha, FragmentId, TreeSha, TurnId

FragmentKind = Literal["template", "agent", "command", "hand", "restore", "import", "merge", "push"]

AGENT = Signature("Keelway Agent", "agent@keelway.localhost")
"""Author of what the model did."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A row as a value. `seq` orders all fragments of a project; `number` only its versions."""

    id: FragmentId
    project: int
    seq: int
    branch: str
    sha: CommitSha
    tree: TreeSha
    parent: CommitSha | None
    parent_id: FragmentId | None
    kind: FragmentKind
    title: str
    message: str | None
    author_name: str
    author_email: str
    number: int | None
    turn_id: TurnId | None
    tool_call_id: str | None
    restored_from: FragmentId | None
    files_changed: int
    lines_added: int
    lines_removed: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Describe:
    """What a new fragment says of itself. `version`: it takes the project's next number."""

    kind: FragmentKind
    title: str
    message: str | None = None
    author: Signature = AGENT
    turn_id: TurnId | None = None
    tool_call_id: str | None = None
    restored_from: FragmentId | None = None
    version: bool = False


def fragment(row: models.Fragment) -> Fragment:
    return Fragment(
        id=FragmentId(row.id),
        project=row.project,
        seq=row.seq,
        branch=row.branch,
        sha=CommitSha(row.sha),
        tree=TreeSha(row.tree),
        parent=CommitSha(row.parent) if row.parent else None,
        parent_id=FragmentId(row.parent_fragment_id) if row.parent_fragment_id else None,
        kind=row.kind,  # pyright: ignore[reportArgumentType]  # written from the same Literal
        title=row.title,
        message=row.message,
        author_name=row.author_name,
        author_email=row.author_email,
        number=row.number,
        turn_id=TurnId(row.turn_id) if row.turn_id else None,
        tool_call_id=row.tool_call_id,
        restored_from=FragmentId(row.restored_from) if row.restored_from else None,
        files_changed=row.files_changed,
        lines_added=row.lines_added,
        lines_removed=row.lines_removed,
        created_at=row.created_at,
    )
