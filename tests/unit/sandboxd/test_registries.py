import os
from pathlib import Path

import pytest

from sandboxd.registries import Registries, discover


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home and no settings in the environment."""
    for name in list(os.environ):
        if name.lower().startswith(("npm_", "pip_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def test_with_an_empty_home_they_are_what_npm_and_pip_carry(bare: Path) -> None:
    found = await discover()
    for address in (found.npm, found.pypi):
        assert address.startswith(("https://", "http://"))
        assert address.endswith("/")


async def test_without_a_node_of_the_machines_own(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = (await discover()).npm
    monkeypatch.setenv("PATH", "/nowhere")
    assert (await discover()).npm == usual


async def test_settings_files_count(bare: Path) -> None:
    (bare / ".npmrc").write_text("registry=http://npm.example/mirror\n")
    (bare / ".config/pip").mkdir(parents=True)
    (bare / ".config/pip/pip.conf").write_text("[global]\nindex-url = http://pip.example/simple\n")
    assert await discover() == Registries(
        "http://npm.example/mirror/", "http://pip.example/simple/"
    )


async def test_the_environment_beats_the_files(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / ".npmrc").write_text("registry=http://npm.example/mirror\n")
    monkeypatch.setenv("npm_config_registry", "http://other.example/npm/")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:word@other.example/simple")
    found = await discover()
    assert found.npm == "http://other.example/npm/"
    assert found.pypi == "http://user:word@other.example/simple/"
    assert "word" not in repr(found)


async def test_a_folders_own_settings_do_not(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server started in somebody's project must not take that project's registry."""
    project = bare / "project"
    project.mkdir()
    (project / ".npmrc").write_text("registry=http://evil.example/\n")
    monkeypatch.chdir(project)
    assert "evil" not in (await discover()).npm


async def test_a_broken_tool_is_passed_over(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = bare / "bin"
    tools.mkdir()
    for name in ("npm", "pip3", "python3"):
        (tools / name).write_text("#!/bin/sh\necho rubbish; exit 0\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    found = await discover()
    assert found.npm.startswith("http")
    assert found.pypi.startswith("http")
