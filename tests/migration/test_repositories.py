"""After an import plain git reads every project in `repositories/<id>.git`, whatever the id is."""

import os
import subprocess
from pathlib import Path

from tests.migration.test_again import history
from tests.support.legacy import Tables, import_from, project, version, write_dump

from keelway.db.session import Database, database_url
from keelway.fragments.folders import folder
from keelway.fragments.store import FragmentStore
from keelway.ids import ProjectId
from keelway.projects.projects import Projects

ODD = (
    "p1",
    "P1",
    "..",
    "../..",
    "/",
    "a.lock",
    "-rf",
    "7",
    "",
    "7.git",
    "ü",
    "🌱" * 64,
    "x" * 64,
    "x" * 65,
)
"""The empty one and the longest cannot be kept; the others are projects of their own."""


def run(*command: str | Path) -> str:
    done = subprocess.run(
        ["git", *command], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_plain_git_reads_logs_checks_and_clones_them(home: Path) -> None:
    status, report = await import_from(write_dump(home / "old.sql", history(2)), home)
    assert status == 0
    for each in report["projects"]:
        repository = home / "repositories" / f"{each['id']}.git"
        assert home / each["repository"] == repository
        run("-C", repository, "fsck", "--full", "--strict")
        commits = [f["commit"] for f in each["fragments"]]
        assert run("-C", repository, "log", "--format=%H", "--reverse").split() == commits
        assert run("-C", repository, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
        run("clone", "-q", repository, home / "clones" / each["id"])
        assert (home / "clones" / each["id"] / "src" / "f6.ts").read_text().startswith("// ")
    names = {path.name for path in (home / "repositories").iterdir()}
    assert names == {"p0.git", "p0.git.lock", "p1.git", "p1.git.lock"}
    assert not (home / "repositories.tmp").exists() or not [*(home / "repositories.tmp").iterdir()]


async def test_ids_of_any_form_stay_inside_and_apart(home: Path) -> None:
    tables: Tables = {
        "Project": [project(name) for name in ODD],
        "V2Fragment": [
            version(at, {"id.txt": name}, name, id=f"f{at}") for at, name in enumerate(ODD)
        ],
    }
    _, report = await import_from(write_dump(home / "old.sql", tables), home / "in" / "home")
    kept = {name for name in ODD if 0 < len(name) <= 64}
    assert {each["id"] for each in report["projects"]} == kept
    assert len(report["problems"]) == 2
    for each in report["projects"]:
        assert each["repository"] == f"repositories/{folder(each['id'])}"
        repository = home / "in" / "home" / each["repository"]
        assert repository.parent == home / "in" / "home" / "repositories"
        assert run("-C", repository, "show", "main:id.txt") == each["id"]
        assert (repository / "description").read_text() == each["id"]
    assert {path.name for path in (home / "in").iterdir()} == {"home"}


async def test_imported_deleted_and_imported_again_nothing_is_mixed(home: Path) -> None:
    tables = history(1)
    dump = write_dump(home / "old.sql", tables)
    await import_from(dump, home)
    cache = home / "repositories" / "p0.git"
    left = cache.rename(home / "left.git")
    async with Database(database_url(home, None)) as database:
        projects, store = Projects(database), FragmentStore(database, home / "repositories")
        gone = await projects.get(ProjectId("p0"))
        await store.delete(gone.key)
        await projects.delete(gone)
        store.close()
    assert not list((home / "repositories").glob("p0.git*"))
    left.rename(cache)  # as a server that was killed between the two would leave it
    other = [version(1, {"other.ts": "1"}, "p0")]
    await import_from(write_dump(home / "old.sql", {**tables, "V2Fragment": other}), home)
    run("-C", cache, "fsck", "--full", "--strict")
    assert run("-C", cache, "log", "--format=%s", "main").split("\n")[:-1] == ["Step 1"]
    objects = run("-C", cache, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
    assert len(objects) == 3  # a commit, a tree, a file


async def test_a_repository_that_was_removed_is_there_after_the_next_import(home: Path) -> None:
    dump = write_dump(home / "old.sql", history(1))
    await import_from(dump, home)
    subprocess.run(["rm", "-r", home / "repositories"], check=True)
    _, report = await import_from(dump, home)
    assert report["projects"][0]["status"] == "unchanged"
    assert len(run("-C", home / "repositories" / "p0.git", "log", "--format=%H").split()) == 7
