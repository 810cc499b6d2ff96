import os
import stat
from pathlib import Path

import pytest

from sandboxd.errors import BadRequest, Conflict, NotFound
from sandboxd.lifecycle import State
from sandboxd.settings import DEFAULT_SNAPSHOT
from sandboxd.snapshots import Snapshots, copy_layer
from sandboxd.store import SandboxRecord, Store, now

OWNER = (os.geteuid(), os.getegid())


def source(layers: list[str]) -> SandboxRecord:
    return SandboxRecord(
        id="box",
        name="box",
        state=State.STOPPED,
        snapshot=DEFAULT_SNAPSHOT,
        layers=layers,
        created_at=now(),
        updated_at=now(),
        last_activity_at=now(),
        preview_token="p",
        signing_key="s",
        cpu=3,
    )


@pytest.fixture
async def snapshots(tmp_path: Path) -> Snapshots:
    store = Store(tmp_path)
    store.open()
    made = Snapshots(store, OWNER)
    await made.open()
    return made


async def test_the_default_snapshot_is_there_once_and_cannot_be_deleted(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    again = Snapshots(Store(tmp_path), OWNER)
    await again.open()
    assert [record.name for record in again.all()] == [DEFAULT_SNAPSHOT]
    with pytest.raises(BadRequest):
        await again.delete(DEFAULT_SNAPSHOT)
    assert snapshots.get(DEFAULT_SNAPSHOT).id == again.get(DEFAULT_SNAPSHOT).id


async def test_names_are_unique_and_may_hold_slashes_and_colons(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    upper = tmp_path / "upper"
    upper.mkdir()
    await snapshots.take("a/b:1", source([]), upper)
    snapshots.check_name("a/b:2")
    with pytest.raises(Conflict):
        snapshots.check_name("a/b:1")
    for bad in ("", "x" * 256, "a\nb"):
        with pytest.raises(BadRequest):
            snapshots.check_name(bad)
    with pytest.raises(NotFound):
        snapshots.get("a/b:3")


async def test_a_running_sandboxes_files_are_copied_a_stopped_ones_moved(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    upper = tmp_path / "upper"
    upper.mkdir()
    (upper / "f").write_text("1")
    box = source(["l0"])
    taken = await snapshots.take("running", box, upper)
    assert (upper / "f").exists()
    assert box.layers == ["l0"]
    assert taken.layers[0] == "l0"
    assert (snapshots.folders(taken.layers)[1] / "f").read_text() == "1"
    assert (taken.cpu, taken.source) == (3, "box")

    stopped = await snapshots.take_stopped("stopped", box, upper)
    assert not upper.exists()
    assert box.layers == stopped.layers
    assert (snapshots.folders(stopped.layers)[1] / "f").read_text() == "1"


async def test_layers_are_unused_only_when_no_snapshot_and_no_sandbox_names_them(
    snapshots: Snapshots, tmp_path: Path
) -> None:
    upper = tmp_path / "upper"
    upper.mkdir()
    taken = await snapshots.take("s", source([]), upper)
    box = source(taken.layers)
    assert snapshots.unused_layers([]) == []
    await snapshots.delete("s")
    assert snapshots.unused_layers([box]) == []
    assert [path.name for path in snapshots.unused_layers([])] == taken.layers


def test_a_copy_keeps_whiteouts_attributes_links_modes_and_times(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "d").mkdir(parents=True)
    new.mkdir()
    (old / "d" / "f").write_bytes(b"x" * 100_000)
    (old / "d" / "f").chmod(0o640)
    os.link(old / "d" / "f", old / "hard")
    (old / "s").symlink_to("/nowhere")
    os.mknod(old / "gone", stat.S_IFCHR, 0)
    os.mkfifo(old / "pipe")
    os.setxattr(old / "d", "user.overlay.opaque", b"y")
    (old / "d").chmod(0o711)
    os.utime(old / "d" / "f", (1, 2))
    here, there = (os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (old, new))
    try:
        assert copy_layer(here, there) == 100_000
    finally:
        os.close(here)
        os.close(there)
    copied = (new / "d" / "f").stat()
    assert (copied.st_size, copied.st_mode & 0o777, copied.st_mtime) == (100_000, 0o640, 2)
    assert copied.st_ino == (new / "hard").stat().st_ino
    assert os.readlink(new / "s") == "/nowhere"
    whiteout = (new / "gone").lstat()
    assert stat.S_ISCHR(whiteout.st_mode)
    assert whiteout.st_rdev == 0
    assert stat.S_ISFIFO((new / "pipe").lstat().st_mode)
    assert os.getxattr(new / "d", "user.overlay.opaque") == b"y"
    assert (new / "d").stat().st_mode & 0o777 == 0o711
