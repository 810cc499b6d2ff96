"""What a machine's user leaves in the way of its next start is mended before it."""

import os
from pathlib import Path

import pytest
from tests.support.machines import running, sh

from sandboxd.runtime.guard import mend
from sandboxd.runtime.namespaces import Namespaces

OWNER = (os.geteuid(), os.getegid())


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "base"
    for name in ("usr", "etc", "proc", "dev", "home"):
        (base / name).mkdir(parents=True)
    (base / "lib64").symlink_to("usr/lib64")
    (base / "etc/ld.so.cache").write_text("cache")
    (base / "etc/ld.so.preload").write_text("")
    return base


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    (tmp_path / "upper").mkdir()
    return tmp_path / "upper"


def test_an_ordinary_upper_stays_as_it_is(base: Path, upper: Path) -> None:
    (upper / "etc").mkdir()
    (upper / "etc/passwd").write_text("changed")
    (upper / "home").symlink_to("elsewhere")  # nothing of a start depends on it
    assert mend(upper, [], base, OWNER) == []
    assert sorted(path.name for path in upper.rglob("*")) == ["etc", "home", "passwd"]


@pytest.mark.parametrize("name", ["usr", "etc", "proc", "dev"])
def test_a_link_in_place_of_a_folder_is_moved_aside(base: Path, upper: Path, name: str) -> None:
    (upper / name).symlink_to("/oldroot/tmp")
    assert mend(upper, [], base, OWNER) == []
    assert not os.path.lexists(upper / name)
    assert (upper / f"{name}.replaced").is_symlink()


def test_the_loaders_files_are_the_bases(base: Path, upper: Path) -> None:
    (upper / "etc").mkdir()
    (upper / "etc/ld.so.preload").write_text("/tmp/evil.so")
    (upper / "etc/ld.so.cache").symlink_to("/tmp/cache")
    (upper / "lib64").mkdir()
    (upper / "lib64/ld-linux-x86-64.so.2").write_text("evil")
    mend(upper, [], base, OWNER)
    assert sorted(path.name for path in upper.rglob("*")) == [
        "etc", "ld-linux-x86-64.so.2", "ld.so.cache.replaced", "ld.so.preload.replaced", "lib64.replaced",
    ]  # fmt: skip


def test_what_a_snapshot_shows_is_covered(base: Path, upper: Path, tmp_path: Path) -> None:
    low, high = tmp_path / "low", tmp_path / "high"
    (low / "etc").mkdir(parents=True)
    (low / "etc/ld.so.preload").write_text("/tmp/evil.so")
    (low / "dev").symlink_to("/oldroot")
    high.mkdir()
    (high / "lib64").symlink_to("/tmp")
    assert sorted(mend(upper, [low, high], base, OWNER)) == ["dev", "etc/ld.so.preload", "lib64"]
    assert (upper / "dev").is_dir()
    assert not (upper / "dev").is_symlink()
    assert (upper / "lib64").readlink() == Path("usr/lib64")
    assert (upper / "etc/ld.so.preload").read_text() == ""
    assert mend(upper, [low, high], base, OWNER) == []


def test_a_taken_name_is_not_overwritten(base: Path, upper: Path) -> None:
    (upper / "usr.replaced").write_text("mine")
    (upper / "usr").write_text("a file")
    mend(upper, [], base, OWNER)
    assert (upper / "usr.replaced").read_text() == "mine"
    assert (upper / "usr.replaced1").read_text() == "a file"


SABOTAGE = {
    "links": "cd /; for n in etc opt home; do mv $n x$n; ln -s /oldroot/tmp $n; done; rm lib64 lib; mkdir lib lib64",
    "preload": "echo /tmp/evil.so > /etc/ld.so.preload; echo evil > /etc/ld.so.cache",
    "everything": "rm -rf / 2>/dev/null",
    "files": "rm -rf /etc; echo > /etc; rm /bin /sbin; echo > /bin",
    "modes": "chmod 0 /etc /home /usr /; true",
}


@pytest.mark.parametrize("how", SABOTAGE)
async def test_a_sabotaged_machine_starts_again_with_an_honest_agent(
    runtime: Namespaces, place: Path, how: str
) -> None:
    before = strangers(runtime)
    async with running(runtime, place, "saboteur") as machine:
        assert await sh(machine, "echo fine") == "fine"
        await sh(machine, SABOTAGE[how])
    async with running(runtime, place, "saboteur") as machine:
        assert "usr" in os.listdir(machine.root)
        assert await machine.attach(1) is None, "the agent answers"
    assert strangers(runtime) == before, "bubblewrap followed no link out of the machine"


def strangers(runtime: Namespaces) -> set[str]:
    """What the machines' user has in the host's /tmp, unless it is also us."""
    if runtime.owner[0] == os.geteuid():
        return set()
    found: set[str] = set()
    with os.scandir("/tmp") as entries:
        for entry in entries:
            if entry.stat(follow_symlinks=False).st_uid == runtime.owner[0]:
                found.add(entry.name)
    return found
