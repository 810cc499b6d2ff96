"""Only full object names and plain branch names ever reach git."""

import pytest

from keelway.git.objects import is_branch, is_sha


@pytest.mark.parametrize("name", ["main", "feature/x-1", "v1.2", "a_b"])
def test_plain_branch_names_are_taken(name: str) -> None:
    assert is_branch(name)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "HEAD", "a..b", "a//b", "a/", "a.lock", ".a", "a/.b", "a b", "a~1", "x" * 201],
)
def test_names_that_git_could_read_otherwise_are_refused(name: str) -> None:
    assert not is_branch(name)


def test_only_full_names_are_object_names() -> None:
    assert is_sha("0" * 40)
    assert not any(is_sha(text) for text in ("0" * 39, "0" * 41, "A" * 40, "HEAD", "0" * 39 + "\n"))
