from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from keelway.fragments.importing import Past
from keelway.git.objects import Signature
from keelway.legacy.overlay import FileReport
from keelway.legacy.page import page
from keelway.legacy.plan import Version
from keelway.legacy.report import SHOWN, ProjectReport, Report, Status

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOSTILE = "</table><script>alert(1)</script>"


def version(title: str, *files: FileReport) -> Version:
    past = Past(title, "import", title, title, Signature("a", "b"), NOW, NOW)
    return Version(past, "", title, title, files)


@pytest.fixture
def report() -> Iterator[Report]:
    made = Report("old.sql")
    yield made
    made.close()


def closed(report: Report, name: str, *versions: Version) -> None:
    project = ProjectReport(name, name, status="attention")
    for each in versions:
        project.add(each, "c" * 40)
    report.close_project(project)


def test_texts_of_the_old_database_are_text(report: Report) -> None:
    closed(report, HOSTILE, version(HOSTILE, FileReport(HOSTILE, "k", "damaged", None, HOSTILE)))
    report.problems.append(HOSTILE)
    assert "<script" not in page(report)
    assert page(report).count("&lt;script&gt;") == 5


def test_a_file_that_many_versions_hold_is_listed_once(report: Report) -> None:
    broken = FileReport("a.ts", "a.ts", "damaged", None, "Cut.", whole=False)
    carried = FileReport("a.ts", "a.ts", "carried_forward", None, "Still.", whole=False)
    closed(report, "p", version("one", broken), version("two", broken), version("three", carried))
    shown = page(report)
    assert shown.count("<code>a.ts</code>") == 1
    assert "one, and 1 later" in shown
    assert "Ask the agent to write them again" in shown


def test_what_finds_no_room_is_counted(report: Report) -> None:
    files = [FileReport(f"{n}.ts", "k", "refused") for n in range(SHOWN + 3)]
    closed(report, "p", version("one", *files))
    assert "And 3 more" in page(report)


def test_of_several_projects_those_that_want_somebody_come_first(report: Report) -> None:
    states: dict[str, Status] = {"whole": "imported", "broken": "failed", "odd": "attention"}
    for name, status in states.items():
        report.close_project(ProjectReport(name, name, status=status))
    table = page(report).split("<h2>Projects</h2>")[1].split("</table>")[0]
    order = [table.index(name) for name in ("broken", "odd", "whole")]
    assert order == sorted(order)


def test_one_that_is_whole_says_so(report: Report) -> None:
    report.close_project(ProjectReport("p", "p", status="imported", versions=1))
    assert "Everything was brought over whole." in page(report)
    assert "1 version, 0 messages" in page(report)
    assert "What you can do" not in page(report)
