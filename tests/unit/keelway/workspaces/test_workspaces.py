"""Looking at and opening a project whose engine does not answer."""

from tests.support.workspaces import Bench

from keelway.fragments.build import Write

FILES = [Write("a.txt", b"one\n")]


async def test_it_opens_with_files_alone_and_the_page_is_told(offline: Bench) -> None:
    project = await offline.new_project(FILES)
    told: list[str] = []

    async def hear(state: str, words: str) -> None:
        told.append(f"{state}: {words}")

    async with offline.leases.hold(project.key, "turn") as lease:
        workspace = await offline.workspaces.open(project, lease, progress=hear)
        assert workspace.mode == "emergency_fallback"
        assert len(workspace.missed) == 2
    assert told[0] == "creating: Starting a sandbox"
    status = await offline.workspaces.preview_state(project)
    assert status.state == "files-only"
    assert "No machine could be started" in status.message


async def test_health_says_what_is_unknown(offline: Bench) -> None:
    project = await offline.new_project(FILES)
    health = await offline.workspaces.health(project)
    assert [health.machine.state, health.files.state, health.page.state] == [
        "unknown",
        "fine",
        "unknown",
    ]


async def test_nothing_runs_so_there_is_no_link(offline: Bench) -> None:
    project = await offline.new_project(FILES)
    assert await offline.workspaces.preview_link(project) is None
    await offline.workspaces.touch(project)
    recovered = await offline.workspaces.recover(project)
    assert recovered.mode == "emergency_fallback"
