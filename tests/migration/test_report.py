"""The report's shape, key by key, as the issue states it; and what the page for people says."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.migration.test_sources import tables
from tests.support.legacy import SAMPLE, import_from, project, version, write_dump

STATUSES = {"imported", "attention", "failed", "unchanged"}
OUTCOMES = {
    "written", "unchanged", "repaired", "carried_forward", "damaged", "placeholder", "binary_cut",
    "refused", "duplicate",
}  # fmt: skip
REPORT = {"source", "started_at", "finished_at", "totals", "projects"}
PROJECT = {"id", "name", "status", "base", "active_fragment", "fragments", "messages"}
FRAGMENT = {"id", "title", "commit", "status", "files"}
FILE = {"path", "key", "outcome", "source", "note"}
MORE = {
    "report": {"problems"}, "project": {"repository", "outcomes", "notes"}, "fragment": {"note"},
}  # fmt: skip
"""What is said beyond the issue."""


def check(report: dict[str, Any]) -> None:
    assert set(report) == REPORT | MORE["report"]
    assert isinstance(report["source"], str)
    began, ended = (datetime.fromisoformat(report[k]) for k in ("started_at", "finished_at"))
    assert began.tzinfo is not None
    assert began <= ended
    assert all(isinstance(n, int) for n in report["totals"].values())
    assert all(isinstance(said, str) for said in report["problems"])
    for one in report["projects"]:
        check_project(one)
    totals = Counter(one["status"] for one in report["projects"])
    assert report["totals"].get("projects", 0) == len(report["projects"])
    for status in STATUSES:
        assert report["totals"].get(status, 0) == totals[status]
    assert report["totals"].get("messages", 0) == sum(one["messages"] for one in report["projects"])
    assert report["totals"].get("fragments", 0) == sum(
        len(one["fragments"]) for one in report["projects"]
    )


def check_project(one: dict[str, Any]) -> None:
    assert set(one) == PROJECT | MORE["project"]
    assert one["status"] in STATUSES
    assert isinstance(one["messages"], int)
    assert all(isinstance(one[key], str) for key in ("id", "name", "base"))
    assert one["active_fragment"] is None or isinstance(one["active_fragment"], str)
    assert one["repository"] is None or one["repository"].startswith("repositories/")
    counted: Counter[str] = Counter()
    for fragment in one["fragments"]:
        assert set(fragment) == FRAGMENT | MORE["fragment"]
        assert fragment["status"] in STATUSES
        assert len(fragment["commit"]) == 40
        assert all(isinstance(fragment[key], str) for key in ("id", "title"))
        for file in fragment["files"]:
            assert set(file) == FILE
            assert file["outcome"] in OUTCOMES
            assert file["outcome"] not in ("written", "unchanged") or file["note"]
            assert all(isinstance(file[key], str) for key in ("path", "key", "outcome"))
            assert all(
                file[key] is None or isinstance(file[key], str) for key in ("source", "note")
            )
            assert (file["outcome"] == "repaired") == (file["source"] is not None)
            counted[file["outcome"]] += 1
    assert counted == one["outcomes"]


async def test_every_kind_of_report_has_the_stated_shape(home: Path) -> None:
    rich = write_dump(home / "old.sql", tables())
    runs: list[tuple[Path, dict[str, Any]]] = [
        (SAMPLE, {}), (SAMPLE, {"dry_run": True}), (SAMPLE, {"verify": True}), (rich, {}), (rich, {}),
    ]  # fmt: skip
    for at, (source, more) in enumerate(runs):
        _, report = await import_from(source, home / str(at // 3), **more)
        check(report)
        assert report["projects"]
        assert (home / str(at // 3) / "report.html").read_text().endswith("</html>\n")
    empty = write_dump(home / "empty.sql", {"Project": []})
    _, report = await import_from(empty, home / "empty")
    check(report)


async def test_what_no_json_or_page_can_hold_as_it_is_still_makes_a_report(home: Path) -> None:
    folder = home / "rows"
    folder.mkdir()
    odd = "\ud800<script>\0é"
    with (folder / "Project.jsonl").open("w") as out:
        for row in ({**project("p1"), "name": odd}, project(odd), project("p1")):
            out.write(json.dumps(row) + "\n")
    with (folder / "V2Fragment.jsonl").open("w") as out:
        for row in (
            version(1, {odd: odd, "a": odd}, title=odd), version(2, {"a": "1"}, id=odd),
            version(3, {"a": 1, "b": None, "c": ["x"], "d": "1"}, title=None),
        ):  # fmt: skip
            out.write(json.dumps(row) + "\n")
    (folder / "users.jsonl").write_text(json.dumps({"id": odd, "email": odd}) + "\n")
    status, report = await import_from(folder, home)
    assert status == 3
    check(report)
    assert [len(one["fragments"]) for one in report["projects"]] == [3]
    assert "<script>" not in (home / "report.html").read_text()
    status, again = await import_from(folder, home)
    assert [one["status"] for one in again["projects"]] == ["unchanged"]
