"""The starter apps as they are shipped."""

import json

import pytest

from keelway.workspaces.errors import WorkspaceError
from keelway.workspaces.template import DEFAULT, folder, names, snapshot_name, starter_files


def test_the_default_template_is_there() -> None:
    assert DEFAULT in names()
    assert (folder() / DEFAULT / "index.html").is_file()


@pytest.mark.parametrize("name", names())
def test_a_template_is_a_project_of_its_own(name: str) -> None:
    files = {file.path: file.data for file in starter_files(name)}

    assert not any("node_modules" in path for path in files)
    manifest = json.loads(files["package.json"])
    assert {"dev", "build", "typecheck"} <= set(manifest["scripts"])
    assert "omit-lockfile-registry-resolved=true" in files[".npmrc"].decode()
    lock = files["package-lock.json"].decode()
    assert "http" not in lock
    assert '"resolved"' not in lock
    assert "allowedHosts: true" in files["vite.config.ts"].decode()
    assert len(files) < 30


def test_a_snapshot_is_named_after_the_files() -> None:
    name = snapshot_name(DEFAULT)
    assert name.startswith("keelway-react-vite-")
    assert len(name) == len("keelway-react-vite-") + 12
    assert name == snapshot_name(DEFAULT)


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(WorkspaceError, match="no template named nope"):
        starter_files("nope")
    with pytest.raises(WorkspaceError):
        starter_files("../src")
