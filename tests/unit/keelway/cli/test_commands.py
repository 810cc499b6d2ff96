import re
import subprocess
import sys
from pathlib import Path

from keelway.cli.home import locked


def keelway(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "keelway", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **env},
    )


def test_the_commands_are_told() -> None:
    said = keelway("--help").stdout
    for command in ("up", "serve", "token", "link", "people", "doctor", "migrate"):
        assert command in said


def test_a_link_to_nothing_is_a_sentence(home: Path) -> None:
    done = keelway("link", "--home", str(home))
    assert done.returncode == 1
    assert "Start it with `keelway up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_is_printed_and_nothing_else(home: Path) -> None:
    done = keelway("token", KEELWAY_HOME=str(home))
    assert done.returncode == 0
    assert done.stdout.strip() == (home / "api-token").read_text().strip()


def test_the_app_alone_wants_an_engine(home: Path) -> None:
    done = keelway("serve", "--home", str(home))
    assert done.returncode == 1
    assert "DAYTONA_API_KEY" in done.stderr


def test_a_wrong_setting_is_named(home: Path) -> None:
    done = keelway("up", KEELWAY_HOME=str(home), KEELWAY_PORT="many")
    assert done.returncode == 1
    assert done.stderr.startswith("port:")
    assert "Traceback" not in done.stderr


def test_a_link_for_nobody_is_a_sentence_that_steers_no_terminal(home: Path) -> None:
    assert keelway("migrate", "--home", str(home)).returncode == 0
    with locked(home) as lock:
        lock.announce("http://keelway.localhost:8420")
        done = keelway("link", "--home", str(home), "--user", "\x1b[2Jmaya@example.com")
        mine = keelway("link", "--home", str(home))
        longer = keelway("link", "--home", str(home), "--hours", "169")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "nobody called \\x1b[2Jmaya@example.com" in done.stderr
    assert re.fullmatch(r"http://keelway.localhost:8420/login#k=[\w-]{43}\n", mine.stdout)
    assert longer.returncode == 2


def test_people_are_listed(home: Path) -> None:
    assert keelway("token", "--home", str(home)).returncode == 0
    done = keelway("people", "--home", str(home))
    assert done.returncode == 0
    heading, owner = done.stdout.splitlines()
    assert heading.split()[0] == "ID"
    assert owner.split()[2:] == ["You", "owner", "no", "-"]
