"""What has to be sent to a sandbox, decided without one."""

from collections.abc import Mapping

from keelway.fragments.tree import EXECUTABLE, FILE, LINK, Entry, Tree
from keelway.workspaces.capture import Held
from keelway.workspaces.checkout import Plan, note, noted, plan
from keelway.workspaces.manifest import Manifest, Row


def tree(**files: tuple[int, str]) -> Tree:
    return Tree("t", {path: Entry(mode, oid, 1) for path, (mode, oid) in files.items()})


def have(**files: tuple[int, str]) -> Mapping[str, Held]:
    return {path: Held(mode, oid, "s") for path, (mode, oid) in files.items()}


def todo(held: Mapping[str, Held], want: Tree, manifest: Manifest | None = None) -> Plan:
    return plan(held, want, {*held, *want}, manifest)


def test_equal_files_are_not_touched() -> None:
    assert not todo(have(a=(FILE, "1"), b=(LINK, "2")), tree(a=(FILE, "1"), b=(LINK, "2")))


def test_each_difference_has_its_remedy() -> None:
    found = todo(
        have(
            same=(FILE, "1"),
            changed=(FILE, "1"),
            gone=(FILE, "1"),
            plus=(FILE, "1"),
            minus=(EXECUTABLE, "1"),
            bent=(LINK, "1"),
        ),
        tree(
            same=(FILE, "1"),
            changed=(FILE, "2"),
            new=(FILE, "3"),
            tool=(EXECUTABLE, "4"),
            plus=(EXECUTABLE, "1"),
            minus=(FILE, "1"),
            bent=(LINK, "2"),
        ),
    )
    assert found.writes == ("changed", "new", "tool")
    assert found.executable == ("plus", "tool")
    assert found.plain == ("minus",)
    assert found.links == ("bent",)
    assert found.deletes == ("gone",)


def test_a_link_is_removed_before_a_file_is_written_in_its_place() -> None:
    found = todo(have(a=(LINK, "1")), tree(a=(FILE, "2")))
    assert (found.blockers, found.writes) == (("a",), ("a",))


def test_a_file_makes_room_for_a_folder_and_the_other_way_round() -> None:
    deeper = Tree("t", {"a/b/c": Entry(FILE, "2", 1)})
    assert todo(have(a=(FILE, "1")), deeper).blockers == ("a",)

    held = {"a/b": Held(FILE, "1", "s")}
    folder = Manifest(0, "", "", {"a": Row("d", 0o755, 0, "", 0, b"")}, {}, ())
    assert plan(held, tree(a=(FILE, "2")), ["a", "a/b"], folder).blockers == ("a",)


def test_a_pipe_in_the_way_is_removed() -> None:
    pipe = Manifest(0, "", "", {"a": Row("p", 0o644, 0, "", 0, b"")}, {}, ())
    assert plan({}, tree(a=(FILE, "2")), ["a"], pipe).blockers == ("a",)


def test_a_note_is_believed_only_about_its_own_project() -> None:
    assert noted(note("p1", "abc"), "p1") == "abc"
    assert noted(note("p1", "abc"), "p2") is None
    assert noted("", "p1") is None
    assert noted("p1 ", "p1") is None
