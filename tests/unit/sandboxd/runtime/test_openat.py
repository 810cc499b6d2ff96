import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd.runtime import openat


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "d/e").mkdir(parents=True)
    (tmp_path / "d/file").write_bytes(b"inside")
    descriptor = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def read(root: int, path: str) -> bytes:
    descriptor = openat.open_in_root(root, path, os.O_RDONLY)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def test_every_link_and_every_climb_ends_in_the_root(root: int, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_bytes(b"mine")
    (tmp_path / "absolute").symlink_to("/etc/passwd")
    (tmp_path / "climbing").symlink_to("../../../../../../etc/passwd")
    for path in ("/etc/passwd", "/../etc/passwd", "absolute", "/climbing", "/d/../../etc/passwd"):
        assert read(root, path) == b"mine"
    assert b"root:" in Path("/etc/passwd").read_bytes()  # the control: there is another one


def test_magic_links_and_loops_are_refused(tmp_path: Path) -> None:
    host = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        for path in ("/proc/self/root/etc/passwd", "/proc/self/cwd", f"/proc/self/fd/{host}/etc"):
            with pytest.raises(OSError) as caught:
                openat.open_in_root(host, path, os.O_RDONLY)
            assert caught.value.errno == errno.ELOOP
    finally:
        os.close(host)


def test_rename_never_replaces(root: int, tmp_path: Path) -> None:
    openat.rename_without_replacing(root, "d", root, "new")
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileExistsError):
        openat.rename_without_replacing(root, "new", root, "taken")
    with pytest.raises(FileNotFoundError):
        openat.rename_without_replacing(root, "none", root, "x")


def test_only_regular_files_of_the_machines_own(root: int, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, error in (("pipe", PermissionError), ("d", IsADirectoryError)):
        pinned = openat.open_in_root(root, path, os.O_PATH)
        with pytest.raises(error):
            openat.regular(pinned, path)
        os.close(pinned)
    pinned = openat.open_in_root(root, "d/file", os.O_PATH)
    assert openat.regular(pinned, "d/file").st_size == 6
    openat.set_mode(pinned, 0o640)
    assert (tmp_path / "d/file").stat().st_mode & 0o777 == 0o640
    opened = openat.reopen(pinned, os.O_RDONLY)
    assert os.read(opened, 10) == b"inside"
    os.close(opened)
    os.close(pinned)


def test_the_kernels_file_systems_are_known(root: int) -> None:
    assert openat.pseudo(root) is None
    proc = os.open("/proc", os.O_PATH)
    assert openat.pseudo(proc) == "proc"
    os.close(proc)


def test_a_path_is_bytes() -> None:
    assert openat.encoded(os.fsdecode(b"a\xff")) == b"a\xff"
    with pytest.raises(OSError, match="NUL"):
        openat.encoded("a\0b")
