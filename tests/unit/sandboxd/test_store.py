import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandboxd.lifecycle import State
from sandboxd.store import (
    SandboxRecord,
    SnapshotRecord,
    Store,
    now,
    parse_time,
    remove_tree,
    stamp,
    write_durably,
)


def record(name: str = "a") -> SandboxRecord:
    return SandboxRecord(
        id=f"id-{name}",
        name=name,
        state=State.STARTED,
        snapshot="base",
        layers=["l1"],
        created_at=now(),
        updated_at=now(),
        last_activity_at=now(),
        preview_token="p",
        signing_key="s",
    )


async def test_records_come_back_as_they_were_saved(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open()
    saved = record()
    saved.labels, saved.env, saved.auto_delete = {"k": "ü"}, {"E": "1"}, -1
    snapshot = SnapshotRecord("s", "name/with:signs", ["l1", "l2"], now(), now())
    await store.save(saved)
    await store.save(snapshot)
    again = Store(tmp_path)
    assert again.load_sandboxes() == [saved]
    assert again.load_snapshots() == [snapshot]
    await again.forget(saved)
    assert again.load_sandboxes() == []


async def test_fields_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open()
    await store.save(record())
    path = tmp_path / "state" / "sandboxes" / "id-a.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"later": 1}))
    assert store.load_sandboxes()[0].name == "a"


async def test_the_last_of_many_saves_wins(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.open()
    saved = record()
    async with asyncio.TaskGroup() as group:
        for number in range(50):
            saved.name = str(number)
            group.create_task(store.save(saved))
    assert store.load_sandboxes()[0].name == "49"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_durably(path, b"old")
    with pytest.raises(TypeError):
        write_durably(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


def test_trees_with_closed_folders_are_removed(tmp_path: Path) -> None:
    closed = tmp_path / "t" / "work" / "work"
    closed.mkdir(parents=True)
    (tmp_path / "t" / "link").symlink_to(tmp_path)
    closed.chmod(0)
    remove_tree(tmp_path / "t")
    remove_tree(tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_times_have_the_wires_form() -> None:
    moment = datetime(2026, 11, 24, 7, 7, 12, 394_567, UTC)
    assert stamp(moment) == "2026-11-24T07:07:12.394Z"
    assert parse_time("2026-11-24T07:07:12.394Z") == parse_time("2026-11-24T07:07:12.394000+0000")
