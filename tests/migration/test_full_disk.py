"""The disk gets full during an import: a plain sentence, nothing half done, and on it goes afterwards."""

import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.support.legacy import Tables, project, version, write_dump

from keelway.legacy.trouble import no_room, under_all

SCRIPT = """
set -u
mount -t tmpfs -o size=6m,mode=700 tmpfs "$1/home"
run() { "$2" -m keelway import-legacy "$1/old.sql" --home "$1/home" --base none --report "$1/report.json"; }
run "$1" "$2" 2> "$1/first.err"; echo $? > "$1/first.status"
cp "$1/home/keelway.db" "$1/home/keelway.db-wal" "$1/between/" 2> /dev/null
ls "$1/home/repositories" > "$1/between/repositories"
mount -o remount,size=200m "$1/home"
run "$1" "$2" 2> "$1/second.err"; echo $? > "$1/second.status"
cp -r "$1/home" "$1/after"
"""


def tables() -> Tables:
    noise = random.Random(1)
    return {
        "Project": [project("p0"), project("p1"), project("p2")],
        "V2Fragment": [
            version(0, {"a.ts": "1"}, "p0"), version(0, {"a.ts": "2"}, "p2"),
            *(version(n, {f"{n}.txt": noise.randbytes(400_000).hex()}, "p1") for n in range(20)),
        ],
    }  # fmt: skip


def test_it_stops_with_a_sentence_and_goes_on_when_there_is_room(home: Path) -> None:
    write_dump(home / "old.sql", tables())
    for name in ("home", "between"):
        (home / name).mkdir()
    subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh",
         str(home), sys.executable], check=True, timeout=120,
    )  # fmt: skip
    said = (home / "first.err").read_text()
    assert (home / "first.status").read_text() == "1\n", said
    assert "The disk is full. Make room, and run it again: what is finished stays." in said
    assert "Traceback" not in said
    assert not list(home.glob(".report*"))
    with closing(sqlite3.connect(home / "between" / "keelway.db")) as rows:
        assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        shown = rows.execute("SELECT id FROM project WHERE id NOT LIKE 'import:%'").fetchall()
        assert shown == [("p0",)]
    assert (home / "second.status").read_text() == "0\n", (home / "second.err").read_text()
    report = json.loads((home / "report.json").read_text())
    assert [each["status"] for each in report["projects"]] == ["unchanged", "imported", "imported"]
    with closing(sqlite3.connect(home / "after" / "keelway.db")) as rows:
        assert rows.execute("SELECT count(*) FROM project").fetchone() == (3,)
    for name in ("p0", "p1", "p2"):
        at = home / "after" / "repositories" / f"{name}.git"
        subprocess.run(["git", f"--git-dir={at}", "fsck", "--strict"], check=True)


def test_a_full_disk_is_known_by_what_lies_behind_an_error() -> None:
    behind = ValueError("The versions could not be read.")
    behind.__cause__ = OSError(28, "No space left on device")
    assert no_room(behind)
    assert under_all(behind)
    assert no_room(sqlite3.OperationalError("database or disk is full"))
    assert not no_room(OSError(13, "Permission denied"))
    assert not under_all(ValueError("no"))
