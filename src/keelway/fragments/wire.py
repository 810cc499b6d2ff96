"""Fragments as the page and the old system's clients see them: camelCase, nothing left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from keelway.fragments.fragment import Fragment
from keelway.fragments.marks import marked
from keelway.fragments.store import FragmentStore
from keelway.ids import TurnId


class Wire(BaseModel):
    """camelCase outside, snake_case inside."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class StepOut(Wire):
    id: str
    commit_hash: str
    kind: str
    title: str


class CheckOut(Wire):
    name: str
    passed: bool


class RestoredFromOut(Wire):
    id: str
    number: int | None


class FragmentOut(Wire):
    id: str
    number: int | None
    kind: str
    title: str
    message: str | None
    branch: str
    commit_hash: str
    parent_fragment_id: str | None
    author_name: str
    author_email: str
    created_at: datetime
    turn_id: str | None
    steps: list[StepOut]
    files_changed: int
    lines_added: int
    lines_removed: int
    checks: list[CheckOut] | None
    cost: float | None
    starred: bool
    restored_from: RestoredFromOut | None
    thumbnail: str | None
    damaged_files: int = 0
    """Files that an import knows not to be whole; which ones, `…/files` says."""


async def shown(
    store: FragmentStore, project: int, fragments: Sequence[Fragment]
) -> list[FragmentOut]:
    """Fragments with the steps that versions fold, in three queries for all of them."""
    turns = [f.turn_id for f in fragments if f.turn_id is not None and f.number is not None]
    steps = await store.steps(project, turns) if turns else {}
    models = [f.restored_from for f in fragments if f.restored_from is not None]
    numbers = await store.numbers(project, models) if models else {}
    items = [_wire(fragment, steps, numbers) for fragment in fragments]
    if known := await store.marks(project):
        for item, each in zip(items, fragments, strict=True):
            item.damaged_files = len(marked(await store.tree(project, each.tree), known))
    return items


async def one(store: FragmentStore, fragment: Fragment) -> FragmentOut:
    return (await shown(store, fragment.project, [fragment]))[0]


def alone(fragment: Fragment, steps: Sequence[Fragment] = ()) -> dict[str, Any]:
    """A version that folds these steps and restores none, as JSON: what a chat's change card holds."""
    folded = {fragment.turn_id: steps} if fragment.turn_id else {}
    return _wire(fragment, folded, {}).model_dump(by_alias=True, mode="json")


def _wire(
    fragment: Fragment,
    steps: Mapping[TurnId, Sequence[Fragment]],
    numbers: Mapping[str, int | None],
) -> FragmentOut:
    folded = steps.get(fragment.turn_id, ()) if fragment.turn_id and fragment.number else ()
    model = fragment.restored_from
    return FragmentOut(
        id=fragment.id,
        number=fragment.number,
        kind=fragment.kind,
        title=fragment.title,
        message=fragment.message,
        branch=fragment.branch,
        commit_hash=fragment.sha,
        parent_fragment_id=fragment.parent_id,
        author_name=fragment.author_name,
        author_email=fragment.author_email,
        created_at=fragment.created_at,
        turn_id=fragment.turn_id,
        steps=[
            StepOut(id=step.id, commit_hash=step.sha, kind=step.kind, title=step.title)
            for step in folded
        ],
        files_changed=fragment.files_changed,
        lines_added=fragment.lines_added,
        lines_removed=fragment.lines_removed,
        checks=None,
        cost=None,
        starred=False,
        restored_from=RestoredFromOut(id=model, number=numbers.get(model)) if model else None,
        thumbnail=None,
    )
