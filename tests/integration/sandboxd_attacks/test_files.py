"""ENGINE.md 5, rows 29 to 34 and 56: the file verbs, while the sandbox moves everything about."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from daytona import DaytonaError, FileUpload
from tests.integration.sandboxd_attacks.conftest import Inside, Maker, engine_memory
from tests.support.sandboxd import EngineProcess

POOL = 200000
SECONDS = 1.5
SWAP = """
import ctypes, os, sys
os.chdir("/home/daytona")
libc = ctypes.CDLL(None)
print("ready", flush=True)
while True:
    libc.renameat2(-100, b"d", -100, b"real", 2)
"""


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder of the host that the sandbox's owner may read and write: what an escape would reach."""
    folder = Path(tempfile.mkdtemp(prefix="kw-outside-", dir="/tmp"))
    (folder / "victim").write_bytes(b"outside")
    (folder / "sub").mkdir()
    (folder / "sub/deep").write_bytes(b"outside")
    (folder / "only-outside").write_bytes(b"outside")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
        if os.geteuid() == 0:
            os.chown(path, POOL, POOL)
    yield folder
    shutil.rmtree(folder)


def picture(folder: Path) -> list[tuple[str, int, bytes]]:
    return sorted(
        (str(path), path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    )


async def download(it: Inside, turn: int) -> object:
    return await it.sandbox.fs.download_file("d/victim")


async def upload(it: Inside, turn: int) -> object:
    return await it.sandbox.fs.upload_file(b"inside", "d/victim")


async def upload_many(it: Inside, turn: int) -> object:
    files = [FileUpload(source=b"x", destination=f"d/new/{turn}/{n}") for n in range(3)]
    return await it.sandbox.fs.upload_files(files)


async def make_folder(it: Inside, turn: int) -> object:
    return await it.sandbox.fs.create_folder(f"d/made/{turn}", "755")


async def listing(it: Inside, turn: int) -> object:
    return [entry.name for entry in await it.sandbox.fs.list_files("d")]


async def info(it: Inside, turn: int) -> object:
    return (await it.sandbox.fs.get_file_info("d/victim")).size


async def permissions(it: Inside, turn: int) -> object:
    return await it.sandbox.fs.set_file_permissions("d/victim", mode="600")


async def move_out(it: Inside, turn: int) -> object:
    try:
        await it.sandbox.fs.move_files("d/victim", f"taken-{turn}")
        return await it.sandbox.fs.download_file(f"taken-{turn}")
    finally:
        await put_back(it)


async def move_in(it: Inside, turn: int) -> object:
    await it.sandbox.fs.upload_file(b"x", "mine")
    return await it.sandbox.fs.move_files("mine", f"d/arrived-{turn}")


async def delete(it: Inside, turn: int) -> object:
    try:
        return await it.sandbox.fs.delete_file("d/victim")
    finally:
        await put_back(it)


async def delete_tree(it: Inside, turn: int) -> object:
    try:
        return await it.sandbox.fs.delete_file("d/sub", recursive=True)
    finally:
        await it.sandbox.fs.upload_file(b"inside", "real/sub/deep")


async def search(it: Inside, turn: int) -> object:
    return (await it.sandbox.fs.search_files("/home/daytona", "only-*")).files


async def find(it: Inside, turn: int) -> object:
    return [match.content for match in await it.sandbox.fs.find_files("d", "outside")]


async def replace(it: Inside, turn: int) -> object:
    return await it.sandbox.fs.replace_in_files(["d/victim"], "side", "SIDE") and None


async def put_back(it: Inside) -> None:
    for _ in range(10):
        try:
            await it.sandbox.fs.upload_file(b"inside", "d/victim")
        except DaytonaError:
            continue
        return


VERBS: list[Callable[[Inside, int], Awaitable[object]]] = [
    download, upload, upload_many, make_folder, listing, info, permissions,
    move_out, move_in, delete, delete_tree, search, find, replace,
]  # fmt: skip


async def test_29_no_verb_leaves_the_sandbox_while_a_link_is_swapped_in(
    inside: Inside, outside: Path
) -> None:
    """The control is in the unit test of `safefs`: the same race does escape from plain `open`."""
    await inside.sh(f"mkdir -p real/sub; echo -n inside > real/victim; ln -s {outside} d")
    await inside.sandbox.fs.upload_file(SWAP.encode(), "swap.py")
    await inside.start("swap", "exec python3 /home/daytona/swap.py")
    before = picture(outside)
    for verb in VERBS:
        await put_back(inside)
        wins = turn = 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or (not wins and turn < 200):
            turn += 1
            try:
                result = await verb(inside, turn)
            except DaytonaError:
                continue
            wins += 1
            assert result not in (b"outside", 7), verb
            said = [str(part) for part in result] if isinstance(result, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            assert not any("only-outside" in part for part in said), verb
            assert result != ["outside"], verb
        assert wins, f"{verb.__name__}: {turn} tries never met the folder"
        assert picture(outside) == before, verb
    assert await inside.sh("echo alive") == "alive"


@pytest.mark.parametrize(
    "target",
    ["/proc/self/root/etc/passwd", "/proc/1/root/etc/passwd", "/proc/1/cwd", "/proc/1/environ"],
)
async def test_30_magic_links_lead_nowhere(inside: Inside, target: str) -> None:
    await inside.sh(f"rm -f trap; ln -s {target} trap")
    for verb in (
        inside.sandbox.fs.download_file("trap"),
        inside.sandbox.fs.upload_file(b"x", "trap"),
        inside.sandbox.fs.set_file_permissions("trap", mode="777"),
        inside.sandbox.fs.list_files("trap"),
    ):
        with pytest.raises(DaytonaError):
            await verb


async def test_04_the_hosts_sysctls_are_no_files_of_a_sandbox(inside: Inside) -> None:
    """A root server that writes a sandbox's /proc/sys changes the host's kernel."""
    knob = Path("/proc/sys/kernel/core_pattern")
    before = knob.read_text()
    await inside.sh("ln -s /proc/sys/kernel/core_pattern knob")
    for path in ("knob", "/proc/sys/kernel/core_pattern"):
        with pytest.raises(DaytonaError):
            await inside.sandbox.fs.upload_file(before.encode(), path)
        with pytest.raises(DaytonaError):
            await inside.sandbox.fs.download_file(path)
    assert knob.read_text() == before
    if os.geteuid() == 0:
        os.close(os.open(knob, os.O_WRONLY))  # the control: this server could


async def test_31_what_is_no_file_is_refused_at_once(inside: Inside, engine: EngineProcess) -> None:
    await inside.sh(
        "mkfifo pipe; ln -s /dev/zero zero; python3 -c 'import socket; socket.socket(1).bind(\"sock\")'"
    )
    begun = time.monotonic()
    for name in ("pipe", "zero", "sock", "/dev/zero", "/dev/tty", "/dev/ptmx", "."):
        with pytest.raises(DaytonaError):
            await inside.sandbox.fs.download_file(name)
    for name in ("pipe", "zero", "sock"):
        with pytest.raises(DaytonaError):
            await inside.sandbox.fs.upload_file(b"x", name)
    assert time.monotonic() - begun < 20
    assert await inside.sh("echo alive") == "alive"


async def test_31_an_endless_file_costs_the_server_no_memory(
    inside: Inside, engine: EngineProcess
) -> None:
    said = await inside.sh("truncate -s 3G huge && stat -c %s huge")
    if said != str(3 * 2**30):
        pytest.skip(f"no such file can be made here: {said}")
    before = engine_memory(engine)
    async with engine.client() as http:
        box = f"{engine.url.removesuffix('/api')}/api/toolbox/{inside.sandbox.id}"
        url = f"{inside.sandbox.toolbox_proxy_url or box}".rstrip("/")
        url = url if url.endswith(inside.sandbox.id) else f"{url}/{inside.sandbox.id}"
        got = 0
        request = http.stream("POST", f"{url}/files/bulk-download", json={"paths": ["huge"]})
        async with request as answer:
            async for piece in answer.aiter_raw():
                got += len(piece)
                if got > 2_000_000_000:
                    break
        assert got > 2_000_000_000
        replaced = await http.post(
            f"{url}/files/replace", json={"files": ["huge"], "pattern": "a", "newValue": "b"}
        )
        assert replaced.json()[0]["success"] is False
    assert engine_memory(engine) - before < 100_000_000


async def test_33_odd_names_come_back_as_they_are(inside: Inside) -> None:
    await inside.sh("mkdir names")
    names = ["x" * 255, "-rf", "ü 名", " ", 'a"b', "a'b", "%2e%2e", "a;b|c", "...", "tab\t"]
    for name in names:
        await inside.sandbox.fs.upload_file(name.encode(), f"names/{name}")
    for name in names:
        assert await inside.sandbox.fs.download_file(f"names/{name}") == name.encode()
    assert sorted(e.name for e in await inside.sandbox.fs.list_files("names")) == sorted(names)
    with pytest.raises(DaytonaError):
        await inside.sandbox.fs.upload_file(b"", f"names/{'x' * 256}")
    # The SDK itself refuses to send these two.
    await inside.py("open(b'names/bad\\xff', 'w'), open('names/new\\nline', 'w')")
    listed = {entry.name for entry in await inside.sandbox.fs.list_files("names")}
    assert len(listed) == len(names) + 2
    assert "new\nline" in listed


async def test_33_climbing_stays_inside(inside: Inside, outside: Path) -> None:
    for path in (f"../../../../../..{outside}/victim", f"{outside}/victim"):
        with pytest.raises(DaytonaError):
            await inside.sandbox.fs.download_file(path)
    await inside.sandbox.fs.upload_file(b"mine", f"../../../../..{outside}/victim")
    assert (outside / "victim").read_bytes() == b"outside"
    assert await inside.sh(f"cat {outside}/victim") == "mine"


async def test_56_what_sandboxes_share_is_never_written(make: Maker) -> None:
    one, other = await make(), await make()
    with pytest.raises(DaytonaError):
        await one.sandbox.fs.upload_file(b"#!/bin/sh\necho mine\n", "/usr/bin/env")
    for path in ("/opt/sandboxd/bin/npm", "/etc/profile"):
        with contextlib.suppress(DaytonaError):  # refused, or a copy of its own
            await one.sandbox.fs.upload_file(b"#!/bin/sh\necho mine\n", path)
        with contextlib.suppress(DaytonaError):
            await one.sandbox.fs.set_file_permissions(path, mode="777")
    later = await make()
    for each in (other, later):
        assert "mine" not in await each.sh("npm --version; cat /etc/profile")
        assert await each.sh("/usr/bin/env echo fine") == "fine"


async def test_removing_everything_of_a_sandbox_harms_only_itself(make: Maker) -> None:
    one, other = await make(), await make()
    for path in ("/home", "/usr", "/opt", "/etc", "/proc", "/dev"):
        try:
            await one.sandbox.fs.delete_file(path, recursive=True)
        except DaytonaError:
            continue
    assert (
        await other.sh("echo alive; ls /home /usr/bin/env")
        == "alive\n/usr/bin/env\n\n/home:\ndaytona"
    )
    assert Path("/usr/bin/env").exists()
