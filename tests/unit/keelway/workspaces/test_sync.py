"""Three sides meet: who changed what since the sandbox was last equal to a version."""

from keelway.fragments.tree import FILE, Entry, Tree
from keelway.workspaces.capture import Held
from keelway.workspaces.sync import sides


def tree(**files: str) -> Tree:
    return Tree(str(files), {path: Entry(FILE, oid, 1) for path, oid in files.items()})


def have(**files: str) -> dict[str, Held]:
    return {path: Held(FILE, oid, "s") for path, oid in files.items()}


def test_every_combination_has_its_side() -> None:
    base = tree(same="1", theirs="1", mine="1", both="1", alike="1", gone="1", dropped="1")
    head = tree(same="1", theirs="2", mine="1", both="2", alike="3", dropped="1", added="1")
    held = have(same="1", theirs="1", mine="2", both="3", alike="3", gone="1", new="1")

    found = sides(held, base, head)

    assert found.behind == {"theirs", "gone", "added"}
    assert found.unsaved == {"mine", "dropped", "new"}
    assert found.both == {"both"}


def test_without_a_base_everything_different_is_checked_out() -> None:
    found = sides(have(a="1", b="1"), None, tree(a="2", c="1"))
    assert found.behind == {"a", "b", "c"}
    assert not found.unsaved
    assert not found.both


def test_an_executable_bit_counts() -> None:
    held = {"a": Held(0o100755, "1", "s")}
    assert sides(held, tree(a="1"), tree(a="1")).unsaved == {"a"}


def test_a_version_that_holds_an_ignored_file_is_not_sent_for_ever() -> None:
    head = Tree("t", {"dist/x": Entry(FILE, "1", 1)})
    assert not sides({}, None, head).behind
