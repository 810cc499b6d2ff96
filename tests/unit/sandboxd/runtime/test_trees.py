import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd.runtime import trees


@pytest.fixture
def top(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def deep(folder: int, depth: int) -> None:
    """Nested folders, deeper than a path may be long."""
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_a_walk_names_everything_once_and_follows_nothing(top: int, tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/f").write_bytes(b"1")
    (tmp_path / "a").symlink_to("/etc")
    (tmp_path / "z").symlink_to("b")
    assert [found.path for found in trees.walk(top)] == ["a", "b", "b/c", "b/c/f", "z"]
    assert [found.path for found in trees.walk(top, 2)] == ["a", "b", "b/c", "z"]
    assert next(trees.walk(top)).link_target == "/etc"


def test_depth_costs_neither_descriptors_nor_recursion(top: int) -> None:
    deep(top, 5000)
    before = len(os.listdir("/proc/self/fd"))
    assert sum(1 for _ in trees.walk(top)) == 5000
    trees.remove_tree(top, "d")
    assert list(trees.walk(top)) == []
    assert len(os.listdir("/proc/self/fd")) <= before  # others' may be collected meanwhile


def test_removal_leaves_what_links_point_to(top: int, tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/file").write_bytes(b"1")
    (tmp_path / "gone/below").mkdir(parents=True)
    (tmp_path / "gone/link").symlink_to(tmp_path / "keep")
    (tmp_path / "gone/below/file").write_bytes(b"2")
    (tmp_path / "gone/below").chmod(0)
    trees.remove_tree(top, "gone")
    assert [found.path for found in trees.walk(top)] == ["keep", "keep/file"]


def test_a_folder_that_is_filled_again_and_again_is_given_up(top: int, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    stop = threading.Event()

    def fill() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            try:
                (tmp_path / f"d/{count % 50}").touch()
            except OSError:
                return

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        trees.remove_tree(top, "d")
    except OSError as error:
        assert error.errno == errno.ENOTEMPTY  # noqa: PT017 (winning the race is fine too)
    finally:
        stop.set()
        filler.join()


def test_a_copy_has_the_same_bytes_modes_and_links(top: int, tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/run").write_bytes(os.urandom(3_000_000))
    (tmp_path / "a/b/run").chmod(0o751)
    (tmp_path / "a/link").symlink_to("/nowhere")
    (tmp_path / "a/b").chmod(0o700)
    trees.copy_tree(top, "a", top, "copy")
    assert (tmp_path / "copy/b/run").read_bytes() == (tmp_path / "a/b/run").read_bytes()
    assert stat.S_IMODE((tmp_path / "copy/b/run").stat().st_mode) == 0o751
    assert stat.S_IMODE((tmp_path / "copy/b").stat().st_mode) == 0o700
    assert (tmp_path / "copy/link").readlink() == Path("/nowhere")
    os.mkfifo(tmp_path / "a/pipe")
    with pytest.raises(PermissionError):
        trees.copy_tree(top, "a", top, "other")
    with pytest.raises(FileExistsError):
        trees.copy_tree(top, "a", top, "copy")
    deep(top, 300)
    with pytest.raises(OSError) as caught:
        trees.copy_tree(top, "d", top, "deep")
    assert caught.value.errno == errno.ENAMETOOLONG
    trees.remove_tree(top, "d")
    trees.remove_tree(top, "deep")
