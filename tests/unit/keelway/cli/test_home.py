import os
import stat
from pathlib import Path

import pytest

from keelway.cli.home import (
    AlreadyRunning,
    HomeUnusable,
    Running,
    locked,
    prepare,
    running,
    secret_key,
    write_private,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_is_closed_to_others(home: Path) -> None:
    prepare(home / "deep" / "keelway")
    assert mode(home / "deep" / "keelway") == 0o700


def test_an_empty_or_known_home_is_closed_again(home: Path) -> None:
    home.chmod(0o755)
    prepare(home)
    assert mode(home) == 0o700
    (home / "keelway.lock").touch()
    (home / "other").touch()
    home.chmod(0o755)
    prepare(home)
    assert mode(home) == 0o700


def test_a_folder_with_other_things_is_left_as_it_is(home: Path) -> None:
    (home / "photos").mkdir()
    home.chmod(0o755)
    with pytest.raises(HomeUnusable, match="--home"):
        prepare(home)
    assert mode(home) == 0o755


def test_what_is_no_folder_is_no_home(home: Path) -> None:
    (home / "file").touch()
    for path in (home / "file", home / "file" / "below"):
        with pytest.raises(HomeUnusable, match="--home"):
            prepare(path)


def test_a_home_has_one_server_and_names_it(home: Path) -> None:
    assert running(home) is None
    with locked(home) as lock:
        with pytest.raises(AlreadyRunning) as taken, locked(home):
            pass
        assert taken.value.owner is None  # it has not said yet where it serves
        lock.announce("http://keelway.localhost:8420")
        owner = Running(os.getpid(), "http://keelway.localhost:8420")
        assert running(home) == owner
        with pytest.raises(AlreadyRunning) as taken, locked(home):
            pass
        assert taken.value.owner == owner
    assert running(home) is None
    with locked(home):
        pass


def test_the_lock_of_a_dead_server_binds_nobody(home: Path) -> None:
    (home / "keelway.lock").write_text('{"pid": 1, "address": "http://old"}')
    assert running(home) is None
    with locked(home):
        pass


def test_the_key_is_made_once_and_private(home: Path) -> None:
    key = secret_key(home)
    assert len(key) == 32
    assert secret_key(home) == key
    assert mode(home / "secret.key") == 0o600


def test_a_damaged_key_is_never_replaced(home: Path) -> None:
    for text in ("", "xyz", "00"):
        (home / "secret.key").write_text(text)
        with pytest.raises(HomeUnusable, match="damaged"):
            secret_key(home)
        assert (home / "secret.key").read_text() == text


def test_a_private_file_is_replaced_whole(home: Path) -> None:
    write_private(home / "api-token", "one")
    write_private(home / "api-token", "two")
    assert (home / "api-token").read_text() == "two"
    assert mode(home / "api-token") == 0o600
    assert [path.name for path in home.iterdir()] == ["api-token"]
