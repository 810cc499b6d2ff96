"""The listing of a working tree, as text and as rows. The command itself runs on a real folder."""

import os
import subprocess
from pathlib import Path

import pytest

from keelway.fragments.tree import EXECUTABLE, FILE, LINK
from keelway.workspaces import manifest
from keelway.workspaces.manifest import git_mode, listing, parse, words


def run(folder: Path, notes: Path, *, hashes: bool = False) -> manifest.Manifest:
    """The very command a sandbox gets, on a folder of this machine."""
    command = (
        listing(hashes=hashes)
        .replace(manifest.ROOT, str(folder))
        .replace(manifest.NOTES, str(notes))
    )
    answer = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    return manifest.decode(answer.stdout.decode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "work tree"
    (root / "src").mkdir(parents=True)
    (root / "src/app.ts").write_text("one\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("src/app.ts")
    (root / "empty").touch()
    (root / "odd 'name\"; $(x)\n.txt").write_text("odd")
    os.symlink("x", bytes(root / "bad") + b"\xff")
    for ignored in ("node_modules/a", "src/.vite/b", "dist/c", "build/d"):
        (root / ignored).parent.mkdir(parents=True)
        (root / ignored).touch()
    (root / ".env").write_text("SECRET=1")
    (root / "src/build").mkdir()
    (root / "src/build/kept").touch()
    os.mkfifo(root / "pipe")
    return root


def test_the_listing_has_every_file_that_a_version_may_hold(folder: Path, tmp_path: Path) -> None:
    found = run(folder, tmp_path / "notes")

    files = {path: git_mode(row) for path, row in found.files().items()}
    assert files == {
        "src/app.ts": FILE,
        "run.sh": EXECUTABLE,
        "link": LINK,
        "empty": FILE,
        "odd 'name\"; $(x)\n.txt": FILE,
        "src/build/kept": FILE,
    }
    assert found.rows["link"].target == b"src/app.ts"
    assert found.rows["src"].kind == "d"
    assert found.rows["pipe"].kind == "p"
    assert found.unreadable == (b"bad\xff",)
    assert (found.base, found.installed, dict(found.hashes)) == ("", "", {})
    assert abs(found.now - max(row.changed for row in found.rows.values())) < 5


def test_hashes_are_those_of_the_bytes(folder: Path, tmp_path: Path) -> None:
    import hashlib

    found = run(folder, tmp_path / "notes", hashes=True)

    regular = {path for path, row in found.files().items() if row.kind == "f"}
    assert set(found.hashes) == regular
    for path in regular:
        assert found.hashes[path] == hashlib.sha256((folder / path).read_bytes()).hexdigest()


def test_the_notes_beside_the_tree_come_with_it(folder: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "base").write_text("project tree")
    (notes / "installed").write_text("key")

    found = run(folder, notes)

    assert (found.base, found.installed) == ("project tree", "key")


def test_an_empty_tree_is_an_empty_listing(tmp_path: Path) -> None:
    found = run(tmp_path / "new", tmp_path / "notes", hashes=True)
    assert dict(found.rows) == {}


def test_every_change_of_a_file_changes_its_stat(folder: Path, tmp_path: Path) -> None:
    def stat(path: str) -> str:
        return run(folder, tmp_path / "notes").rows[path].stat

    app, link = folder / "src/app.ts", folder / "link"
    seen = [stat("src/app.ts")]
    app.write_text("two\n")
    seen.append(stat("src/app.ts"))
    app.chmod(0o755)
    seen.append(stat("src/app.ts"))
    copy = folder / "copy"
    copy.write_text("two\n")
    copy.replace(app)
    seen.append(stat("src/app.ts"))
    assert len(set(seen)) == 4

    before = stat("link")
    link.unlink()
    link.symlink_to("src/apq.ts")
    assert stat("link") != before


def test_what_is_no_listing_is_refused() -> None:
    for damaged in (b"", b"no number\n\0\0", b"1.5\n\0\0name\0"):
        with pytest.raises((ValueError, IndexError)):
            parse(damaged)


def test_names_are_cut_into_arguments_that_fit() -> None:
    import base64

    paths = [f"folder/{'x' * 200}/{n}" for n in range(1000)]
    pieces = list(words(paths, limit=5000))

    assert all(len(piece) < 7000 for piece in pieces)
    joined = b"".join(base64.b64decode(piece) for piece in pieces)
    assert joined == b"".join(path.encode() + b"\0" for path in paths)
    assert list(words([])) == []
