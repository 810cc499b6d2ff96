"""The base layer: made once per content, of nothing but what the host has."""

import os
from pathlib import Path

import pytest

from sandboxd.runtime import base

OWNER = (os.geteuid(), os.getegid())


def test_the_same_content_is_made_once_and_another_gets_another_name(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "bundle").write_text("certificates")
    environ = {"SSL_CERT_FILE": str(tmp_path / "bundle")}
    first = base.build(home, OWNER, environ, programs=False)
    assert base.build(home, OWNER, environ, programs=False) == first
    (tmp_path / "bundle").write_text("others")
    second = base.build(home, OWNER, environ, programs=False)
    assert second != first
    assert (first / base.CERTIFICATES[1:]).read_text() == "certificates"
    assert (second / base.CERTIFICATES[1:]).read_text() == "others"
    assert {path.name[0] for path in (home / "base").iterdir()} != {"."}


def test_links_lead_where_they_lead_on_the_host(home: Path) -> None:
    layer = base.build(home, OWNER, {}, programs=False)
    for name in base.LINKS:
        host = Path("/", name)
        if host.is_symlink():
            assert (layer / name).readlink() == host.readlink()
    for link in (layer / "etc/alternatives").iterdir():
        assert str(link.readlink()).startswith(("/usr/", "/bin/", "/lib/", "/sbin/"))


def test_no_file_of_the_hosts_etc_comes_along(home: Path) -> None:
    layer = base.build(home, OWNER, {}, programs=False)
    assert "daytona:x:1000:1000" in (layer / "etc/passwd").read_text()
    assert (layer / "etc/resolv.conf").read_text() == ""
    assert not (layer / "etc/shadow").exists()
    assert not (layer / "sys").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_everything_belongs_to_the_owner(home: Path) -> None:
    layer = base.build(home, (200000, 200000), {}, programs=False)
    assert {path.lstat().st_uid for path in (layer, *layer.rglob("*"))} == {200000}


def test_node_comes_without_its_headers(engine_home: Path, runtime: object) -> None:
    (layer,) = [
        path for path in (engine_home / "base").iterdir() if (path / "opt/sandboxd/node").exists()
    ]
    assert (layer / "opt/sandboxd/node/bin/node").stat().st_mode & 0o111
    assert not (layer / "opt/sandboxd/node/include").exists()
    assert os.access(layer / "opt/sandboxd/bin/npm", os.X_OK)


def test_the_environment_names_nothing_of_the_host() -> None:
    env = base.base_env()
    assert env["HOME"] == "/home/daytona"
    assert env["PATH"].startswith("/opt/sandboxd/bin:")
    assert (
        env["SSL_CERT_FILE"] == env["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/certs/ca-certificates.crt"
    )
    assert not set(env) & {"PYTHONPATH", "VIRTUAL_ENV", "PWD", "SSH_AUTH_SOCK"}


def test_a_host_without_merged_folders_shows_them_too() -> None:
    assert base.host_binds()[0] == "/usr"
    assert all(Path(path).is_dir() and not Path(path).is_symlink() for path in base.host_binds())
