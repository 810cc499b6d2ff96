"""The verbs on a plain folder, as the folder's owner; then every verb while a link is swapped in."""

import asyncio
import errno
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandboxd.safefs import READ_LIMIT, SafeFiles

OWNER = (200000, 200000) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
RACE_SECONDS = 0.4


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "w").mkdir()
    for made in (folder, folder / "w"):
        os.chown(made, *OWNER)
    return folder


@pytest.fixture
def files(root: Path) -> Iterator[SafeFiles]:
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    yield SafeFiles(descriptor, OWNER)
    os.close(descriptor)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def owned(path: Path, data: bytes = b"", mode: int = 0o644) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    os.chown(path, *OWNER)
    return path


async def test_write_makes_parents_and_a_file_that_belongs_to_the_owner(
    files: SafeFiles, root: Path
) -> None:
    old = os.umask(0o077)
    try:
        assert await files.write("/w/a/b/c.txt", chunks(b"one ", b"", b"two")) == 7
    finally:
        os.umask(old)
    made = root / "w/a/b/c.txt"
    assert made.read_bytes() == b"one two"
    assert (made.stat().st_uid, made.stat().st_gid) == OWNER
    assert stat.S_IMODE(made.stat().st_mode) == 0o644
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o755
    assert [p.name for p in made.parent.iterdir()] == ["c.txt"]


async def test_write_keeps_the_mode_of_an_existing_file(files: SafeFiles, root: Path) -> None:
    owned(root / "w/run.sh", b"old", 0o755)
    await files.write("/w/run.sh", chunks(b"new"))
    assert stat.S_IMODE((root / "w/run.sh").stat().st_mode) == 0o755
    assert (root / "w/run.sh").read_bytes() == b"new"


@pytest.mark.parametrize(
    "target", ["real.txt", "/w/real.txt", "../w/real.txt", "../../../w/real.txt"]
)
@pytest.mark.parametrize("exists", [True, False])
async def test_write_goes_through_a_link_dangling_or_not(
    files: SafeFiles, root: Path, target: str, exists: bool
) -> None:
    if exists:
        owned(root / "w/real.txt", b"old", 0o600)
    (root / "w/link").symlink_to(target)
    await files.write("/w/link", chunks(b"new"))
    assert (root / "w/link").is_symlink()
    assert (root / "w/real.txt").read_bytes() == b"new"
    assert stat.S_IMODE((root / "w/real.txt").stat().st_mode) == (0o600 if exists else 0o644)


async def test_write_refuses_folders_loops_and_special_files(files: SafeFiles, root: Path) -> None:
    (root / "w/loop").symlink_to("loop")
    os.mkfifo(root / "w/pipe")
    with pytest.raises(IsADirectoryError):
        await files.write("/w", chunks(b"x"))
    with pytest.raises(OSError) as caught:
        await files.write("/w/loop", chunks(b"x"))
    assert caught.value.errno == errno.ELOOP
    with pytest.raises(PermissionError):
        await files.write("/w/pipe", chunks(b"x"))
    owned(root / "w/file")
    with pytest.raises(NotADirectoryError):
        await files.write("/w/file/below", chunks(b"x"))
    assert sorted(p.name for p in (root / "w").iterdir()) == ["file", "loop", "pipe"]


async def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(
    files: SafeFiles, root: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("gone")

    owned(root / "w/a", b"old")
    with pytest.raises(ConnectionError):
        await files.write("/w/a", broken())
    assert (root / "w/a").read_bytes() == b"old"
    assert [p.name for p in (root / "w").iterdir()] == ["a"]


async def test_a_cancelled_write_leaves_nothing(files: SafeFiles, root: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.sleep(60)

    for delay in (0, 0.001, 0.05):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(delay):
                await files.write("/w/a", endless())
    await asyncio.sleep(0.05)
    assert list((root / "w").iterdir()) == []


async def test_read_and_stream(files: SafeFiles, root: Path) -> None:
    data = os.urandom(700_000)
    owned(root / "w/a", data)
    assert await files.read("/w/a") == data
    assert b"".join([chunk async for chunk in files.read_chunks("/w/a")]) == data
    descriptor = files.open_read("/w/a")
    assert os.read(descriptor, 10) == data[:10]
    os.close(descriptor)
    with pytest.raises(OSError) as caught:
        await files.read("/w/a", limit=1000)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(FileNotFoundError) as missing:
        await files.read("/w/none")
    assert missing.value.filename == "/w/none"


async def test_reading_what_is_no_file_fails_at_once(files: SafeFiles, root: Path) -> None:
    os.mkfifo(root / "w/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(root / "w")
        listener.bind("socket")
        os.chdir("/")
    with (root / "w/huge").open("wb") as huge:
        huge.truncate(2**40)
    os.chown(root / "w/huge", *OWNER)
    begun = time.monotonic()
    for name in ("pipe", "socket"):
        with pytest.raises(PermissionError):
            await files.read(f"/w/{name}")
        with pytest.raises(PermissionError):
            files.open_read(f"/w/{name}")
    with pytest.raises(IsADirectoryError):
        await files.read("/w")
    with pytest.raises(OSError) as caught:
        await files.read("/w/huge")
    assert caught.value.errno == errno.EFBIG
    assert time.monotonic() - begun < 1
    assert READ_LIMIT < 2**30


async def test_the_kernels_own_files_are_refused(files: SafeFiles) -> None:
    """A root server that wrote to a machine's /proc/sys would change the host's kernel."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    whole = SafeFiles(root, OWNER)
    try:
        for path in ("/proc/cpuinfo", "/proc/sys/kernel/core_pattern", "/dev/zero", "/dev/null"):
            with pytest.raises(PermissionError):
                await whole.read(path)
            with pytest.raises(PermissionError):
                await whole.write(path, chunks(b"x"))
            with pytest.raises(PermissionError):
                await whole.chmod(path, 0o777)
        for verb in (whole.list("/proc"), whole.search("/proc", "x"), whole.mkdir("/proc/x")):
            with pytest.raises(PermissionError):
                await verb
        for link in ("/proc/self/root/etc/passwd", "/proc/1/cwd/etc/passwd"):
            with pytest.raises(OSError) as caught:
                await whole.read(link)
            assert caught.value.errno in {errno.ELOOP, errno.EACCES}
    finally:
        os.close(root)


async def test_stat_follows_links_and_describes_dangling_ones(files: SafeFiles, root: Path) -> None:
    owned(root / "w/a", b"12345")
    (root / "w/link").symlink_to("/w/a")
    (root / "w/gone").symlink_to("nowhere")
    found = await files.stat("/w/link")
    assert (found.name, found.path, found.size, found.link_target) == ("link", "/w/link", 5, "/w/a")
    gone = await files.stat("/w/gone")
    assert stat.S_ISLNK(gone.mode)
    assert gone.link_target == "nowhere"
    assert (await files.stat("/")).is_dir
    assert (await files.stat("/w/")).name == "w"
    with pytest.raises(FileNotFoundError):
        await files.stat("/w/none")


async def test_list_is_flat_with_a_depth(files: SafeFiles, root: Path) -> None:
    (root / "w/d/e/f").mkdir(parents=True)
    (root / "w/d/a").write_bytes(b"1")
    (root / "w/up").symlink_to("..")
    assert [entry.path for entry in await files.list("/w")] == ["/w/d", "/w/up"]
    assert [entry.path for entry in await files.list("/w/", 2)] == [
        "/w/d",
        "/w/d/a",
        "/w/d/e",
        "/w/up",
    ]
    assert len(await files.list("/w", 9)) == 5
    assert (await files.list("/w"))[1].link_target == ".."
    with pytest.raises(NotADirectoryError):
        await files.list("/w/d/a")


async def test_names_of_every_kind_come_back_as_they_are(files: SafeFiles) -> None:
    names = ["new\nline", os.fsdecode(b"not\xffutf8"), "x" * 255, "-rf", "ü 名", " ", "...", 'a"b']
    for name in names:
        await files.write(f"/w/{name}", chunks(name.encode(errors="surrogateescape")))
    assert sorted(entry.name for entry in await files.list("/w")) == sorted(names)
    for name in names:
        assert await files.read(f"/w/{name}") == name.encode(errors="surrogateescape")
        await files.move(f"/w/{name}", f"/w/moved-{name[:200]}")
    with pytest.raises(OSError) as caught:
        await files.write("/w/" + "x" * 256, chunks(b""))
    assert caught.value.errno == errno.ENAMETOOLONG
    for verb in (
        files.read("/w/a\0b"),
        files.write("/w/a\0b", chunks(b"")),
        files.mkdir("/w/a\0b"),
    ):
        with pytest.raises(OSError) as caught:
            await verb
        assert caught.value.errno == errno.EINVAL


async def test_mkdir_makes_parents_and_is_repeatable(files: SafeFiles, root: Path) -> None:
    await files.mkdir("/w/a/b/c", 0o700)
    await files.mkdir("/w/a/b/c")
    assert stat.S_IMODE((root / "w/a/b/c").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "w/a/b").stat().st_mode) == 0o755
    owned(root / "w/file")
    (root / "w/gone").symlink_to("nowhere")
    with pytest.raises(NotADirectoryError):
        await files.mkdir("/w/file")
    with pytest.raises(FileExistsError):
        await files.mkdir("/w/gone")
    await files.mkdir("/w/" + "/".join("d" * 1200))
    assert len(await files.list("/w", 5000)) == 1200 + 5
    await files.remove("/w/d", recursive=True)  # pytest's own cleaning recurses


async def test_remove_takes_files_links_and_whole_trees(files: SafeFiles, root: Path) -> None:
    owned(root / "w/a")
    (root / "w/link").symlink_to("d")
    await files.mkdir("/w/d/e")
    await files.mkdir("/w/d/" + "/".join("d" * 1500))
    await files.write("/w/d/e/f", chunks(b"x"))
    await files.chmod("/w/d/e", 0)
    with pytest.raises(IsADirectoryError):
        await files.remove("/w/d")
    await files.remove("/w/link")
    await files.remove("/w/a")
    await files.remove("/w/d", recursive=True)
    assert list((root / "w").iterdir()) == []
    for path in ("/w/none", "/w/none/below"):
        with pytest.raises(FileNotFoundError):
            await files.remove(path)
    for path in ("/", "/w/..", "/w/."):
        with pytest.raises(PermissionError):
            await files.remove(path, recursive=True)


async def test_move_never_replaces(files: SafeFiles, root: Path) -> None:
    owned(root / "w/a", b"a")
    owned(root / "w/b", b"b")
    await files.mkdir("/w/d/e")
    for taken in ("/w/b", "/w/d"):
        with pytest.raises(FileExistsError):
            await files.move("/w/a", taken)
    with pytest.raises(FileNotFoundError):
        await files.move("/w/none", "/w/c")
    with pytest.raises(OSError) as caught:
        await files.move("/w/d", "/w/d/e/f")
    assert caught.value.errno == errno.EINVAL
    await files.move("/w/a", "/w/d/e/a")
    await files.move("/w/d", "/w/c")
    assert await files.read("/w/c/e/a") == b"a"


async def test_chmod_follows_links(files: SafeFiles, root: Path) -> None:
    owned(root / "w/a")
    (root / "w/link").symlink_to("a")
    await files.chmod("/w/link", 0o4751)
    assert stat.S_IMODE((root / "w/a").stat().st_mode) == 0o751


async def test_search_by_glob_and_by_part_of_a_name(files: SafeFiles) -> None:
    for path in ("/w/src/App.tsx", "/w/src/ui/Card.tsx", "/w/App.css", "/w/src/[x].ts"):
        await files.write(path, chunks(b""))
    assert await files.search("/w", "App") == ["/w/App.css", "/w/src/App.tsx"]
    assert await files.search("/w", "*.tsx") == ["/w/src/App.tsx", "/w/src/ui/Card.tsx"]
    assert await files.search("/w/", "src/ui/*") == ["/w/src/ui/Card.tsx"]
    assert await files.search("/w", "ui") == ["/w/src/ui"]
    assert await files.search("/w", "none") == []
    begun = time.monotonic()
    await files.write("/w/" + "a" * 250, chunks(b""))
    assert await files.search("/w", "*a" * 100 + "b") == []
    assert time.monotonic() - begun < 2


async def test_what_the_owner_may_not_read_is_refused_even_to_a_root_server(
    files: SafeFiles, root: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only a root server has more rights than the owner")
    (root / "w/secret").write_bytes(b"of root")
    (root / "w/secret").chmod(0o600)
    with pytest.raises(PermissionError):
        await files.read("/w/secret")


# Races. `w/d` is in turn a real folder and an absolute link to a folder of the host.

SWAP = """
import ctypes, sys
libc = ctypes.CDLL(None)
one, two = (name.encode() for name in sys.argv[1:])
print("ready", flush=True)
while True:
    libc.renameat2(-100, one, -100, two, 2)
"""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What the owner could reach on the host if a path ever left the root."""
    folder = tmp_path / "outside"
    folder.mkdir()
    owned(folder / "victim", b"outside", 0o640)
    (folder / "sub").mkdir()
    owned(folder / "sub/deep", b"outside")
    for made in (folder, folder / "sub"):
        os.chown(made, *OWNER)
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if above.stat().st_uid == os.geteuid() and above != Path("/") and above != Path("/tmp"):
            above.chmod(above.stat().st_mode | 0o011)
    return folder


@contextmanager
def swapping(one: Path, two: Path) -> Generator[None]:
    racer = subprocess.Popen(
        [sys.executable, "-c", SWAP, str(one), str(two)], stdout=subprocess.PIPE
    )
    assert racer.stdout is not None
    try:
        racer.stdout.readline()
        yield
    finally:
        racer.kill()
        racer.wait()
        racer.stdout.close()


def refill(root: Path) -> None:
    real = root / "w/real"
    for path, data in ((real / "victim", b"inside"), (real / "sub/deep", b"inside")):
        path.parent.mkdir(exist_ok=True, parents=True)
        for made in (real, path.parent):
            os.chown(made, *OWNER)
        owned(path, data)


async def put_back(files: SafeFiles, path: str) -> None:
    for _ in range(20):
        try:
            await files.write(path, chunks(b"inside"))
        except OSError:
            continue
        return


async def read_it(files: SafeFiles, turn: int) -> object:
    return await files.read("/w/d/victim")


async def stream_it(files: SafeFiles, turn: int) -> object:
    return b"".join([chunk async for chunk in files.read_chunks("/w/d/victim")])


async def write_it(files: SafeFiles, turn: int) -> object:
    return await files.write("/w/d/victim", chunks(b"inside"))


async def write_new(files: SafeFiles, turn: int) -> object:
    return await files.write(f"/w/d/new/{turn}", chunks(b"x"))


async def mkdir_it(files: SafeFiles, turn: int) -> object:
    return await files.mkdir(f"/w/d/made/{turn}")


async def remove_it(files: SafeFiles, turn: int) -> object:
    try:
        return await files.remove("/w/d/victim")
    finally:
        await put_back(files, "/w/d/victim")


async def remove_all(files: SafeFiles, turn: int) -> object:
    try:
        return await files.remove("/w/d/sub", recursive=True)
    finally:
        await put_back(files, "/w/d/sub/deep")


async def move_out(files: SafeFiles, turn: int) -> object:
    try:
        await files.move("/w/d/victim", f"/w/taken-{turn}")
    finally:
        await put_back(files, "/w/d/victim")
    return await files.read(f"/w/taken-{turn}")


async def move_in(files: SafeFiles, turn: int) -> object:
    await files.write("/w/mine", chunks(b"x"))
    return await files.move("/w/mine", f"/w/d/arrived-{turn}")


async def chmod_it(files: SafeFiles, turn: int) -> object:
    return await files.chmod("/w/d/victim", 0o600)


async def list_it(files: SafeFiles, turn: int) -> object:
    return [entry.size for entry in await files.list("/w/d", 3) if entry.size == 7]


async def stat_it(files: SafeFiles, turn: int) -> object:
    return (await files.stat("/w/d/victim")).size


async def search_it(files: SafeFiles, turn: int) -> object:
    return await files.search("/w", "only-outside")


HONEST_REFUSALS = {
    errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EAGAIN, errno.ENOTEMPTY, errno.ELOOP
}  # fmt: skip
VERBS: list[Callable[[SafeFiles, int], Awaitable[object]]] = [
    read_it, stream_it, write_it, write_new, mkdir_it, remove_it, remove_all,
    move_out, move_in, chmod_it, list_it, stat_it, search_it,
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
async def test_no_verb_leaves_the_root_while_a_link_is_swapped_in(
    verb: Callable[[SafeFiles, int], Awaitable[object]], files: SafeFiles, root: Path, outside: Path
) -> None:
    refill(root)
    owned(outside / "only-outside")
    (root / "w/d").symlink_to(outside)
    before = picture(outside)
    tries = wins = 0
    refused: set[int | None] = set()
    with swapping(root / "w/d", root / "w/real"):
        end = time.monotonic() + RACE_SECONDS
        while time.monotonic() < end:
            tries += 1
            try:
                result = await verb(files, tries)
            except OSError as error:
                refused.add(error.errno)
                continue
            wins += 1
            assert result not in (b"outside", 7), "the host's file was reached"
            assert not isinstance(result, list) or not result
    assert refused <= HONEST_REFUSALS
    assert wins > 0, f"{tries} tries never met the folder"
    assert picture(outside) == before


def test_the_same_race_does_escape_from_plain_open(root: Path, outside: Path) -> None:
    """The control: the attack is real."""
    refill(root)
    (root / "w/d").symlink_to(outside)
    escapes = 0
    with swapping(root / "w/d", root / "w/real"):
        end = time.monotonic() + 5
        while time.monotonic() < end and not escapes:
            if (root / "w/d").is_symlink():  # the check that a careful but naive server makes
                continue
            try:
                escapes += (root / "w/d/victim").read_bytes() == b"outside"
            except OSError:
                continue
    assert escapes


def picture(folder: Path) -> list[tuple[str, int, bytes]]:
    return sorted(
        (str(path), path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    )
