"""SIGKILL at any moment, repositories removed: no acknowledged version is lost, none is wrong.

KEELWAY_KILLS sets how many kills (60), KEELWAY_SEED repeats a run.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import URL
from tests.support.store import START, files, new_project, store_of

from keelway.db import models
from keelway.db.session import Database
from keelway.fragments.build import Write

KILLS = int(os.environ.get("KEELWAY_KILLS", "60"))
SEED = int(os.environ.get("KEELWAY_SEED", random.randrange(2**32)))

Model = dict[str, tuple[int, bytes]]


def journals(home: Path) -> tuple[dict[str, list[list[Any]]], dict[str, str]]:
    """What each call was about to change, and the commits that were acknowledged."""
    intents: dict[str, list[list[Any]]] = {}
    told: dict[str, str] = {}
    for path in home.glob("journal-*"):
        for line in path.read_text().splitlines():
            note = json.loads(line)
            if "changes" in note:
                intents[note["call"]] = note["changes"]
            elif note["told"] is not None:
                told[note["call"]] = note["told"]
    return intents, told


def apply(model: Model, changes: list[list[Any]]) -> Model:
    after = dict(model)
    for path, *content in changes:
        if content:
            after[path] = (content[1], content[0].encode())
        else:
            after.pop(path, None)
    return after


async def test_no_acknowledged_version_is_lost_whenever_its_writers_are_killed(
    any_url: URL, home: Path
) -> None:
    print(f"KEELWAY_SEED={SEED} KEELWAY_KILLS={KILLS}")
    async with Database(any_url) as database:
        project = await new_project(database)
        store = store_of(database, home)
        first = await store.initialise(project, [Write("a.txt", b"start\n")], START)
        store.close()

    url = any_url.render_as_string(hide_password=False)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "tests.support.store_killer"),
            *(url, str(home), str(project), str(SEED), str(KILLS)),
        ],
        capture_output=True,
        text=True,
        timeout=60 + 3 * KILLS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert not (home / "failures").exists(), (home / "failures").read_text()
    intents, told = journals(home)
    print(ran.stdout, f"acknowledged: {len(told)}")

    shutil.rmtree(home / "repositories", ignore_errors=True)
    async with Database(any_url) as database:
        store = store_of(database, home)
        async with database.reading() as session:
            row = models.Fragment
            chain = list(await session.scalars(select(row).order_by(row.seq)))
            head = await session.scalar(select(models.Branch.head))
            levels = set(await session.scalars(select(models.Pack.level)))
        assert set(told.values()) <= {fragment.sha for fragment in chain}
        assert [each.parent for each in chain[1:]] == [each.sha for each in chain[:-1]]
        assert [each.seq for each in chain] == list(range(1, len(chain) + 1))
        assert head == chain[-1].sha
        assert len({each.tool_call_id for each in chain}) == len(chain)

        model: Model = {"a.txt": (0o100644, b"start\n")}
        assert chain[0].sha == first.sha
        for each in chain[1:]:
            assert each.tool_call_id is not None
            model = apply(model, intents[each.tool_call_id])
            assert await files(store, project, each.tree) == model, each.seq

        repository = await store.repository(project)
        fsck = subprocess.run(
            ["git", "fsck", "--full", "--strict", "--no-dangling"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (fsck.returncode, fsck.stdout) == (0, "")
        assert len(told) >= KILLS // 6  # fewer mean that it hardly ran
        assert KILLS < 60 or len(levels) > 1
        store.close()
