"""A restore is durable even where no machine can be had."""

from tests.support.workspaces import PERSON, Bench, step

from keelway.fragments.build import Write


async def test_without_a_machine_the_version_is_written_and_kept(offline: Bench) -> None:
    project = await offline.new_project([Write("a.txt", b"one\n")])
    first = await offline.store.get(project.key, "v1")
    async with offline.opened(project) as workspace:
        await workspace.apply([Write("a.txt", b"two\n")], step("c1"))

    restored = await offline.workspaces.restore(project, first, PERSON)

    made = restored.fragment
    assert (made.kind, made.number, made.tree) == ("restore", 2, first.tree)
    assert (made.title, made.restored_from, restored.saved) == ("Restored v1", first.id, None)
    assert restored.preview.state == "files-only"
    assert "v1 is restored. No machine" in restored.preview.message
    assert await offline.store.head(project.key, "main") == made
