from sandboxd.toolbox.git_status import parse_status


def test_every_kind_of_entry_is_understood() -> None:
    zeros = "0" * 40
    output = "\0".join(
        [
            "# branch.oid " + zeros,
            "# branch.head main",
            "# branch.upstream origin/main",
            "# branch.ab +2 -3",
            f"1 M. N... 100644 100644 100644 {zeros} {zeros} a b.txt",
            f"1 .D N... 100644 100644 000000 {zeros} {zeros} gone",
            f"2 R. N... 100644 100644 100644 {zeros} {zeros} R100 new name",
            "old name",
            f"u UU N... 100644 100644 100644 100644 {zeros} {zeros} {zeros} both",
            "? odd\nname",
            "",
        ]
    )
    status = parse_status(output)
    assert (status["currentBranch"], status["detached"]) == ("main", False)
    assert (status["ahead"], status["behind"], status["branchPublished"]) == (2, 3, True)
    assert [(f["name"], f["staging"], f["worktree"], f["extra"]) for f in status["fileStatus"]] == [
        ("a b.txt", "Modified", "Unmodified", ""),
        ("gone", "Unmodified", "Deleted", ""),
        ("new name", "Renamed", "Unmodified", "old name"),
        ("both", "Updated but unmerged", "Updated but unmerged", ""),
        ("odd\nname", "Untracked", "Untracked", ""),
    ]


def test_a_detached_head_has_no_branch() -> None:
    status = parse_status("# branch.head (detached)\0")
    assert (status["currentBranch"], status["detached"]) == ("HEAD", True)
    assert status["branchPublished"] is False
