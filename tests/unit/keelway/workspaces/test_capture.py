"""Git's name of a file, computed here; the rest is proved on real sandboxes (tests/integration)."""

import subprocess
from pathlib import Path

import pytest

from keelway.workspaces.capture import blob


@pytest.mark.parametrize("data", [b"", b"hello\n", bytes(range(256)) * 300])
def test_a_blob_has_the_name_that_git_gives_it(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(data)
    told = subprocess.run(
        ["git", "hash-object", "--no-filters", "f"], cwd=tmp_path, capture_output=True, check=True
    )
    assert blob(data) == told.stdout.decode().strip()
