import pytest

from sandboxd.toolbox.git_command import complaint


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ("fatal: Authentication failed for 'https://x'", 401, "GIT_AUTH_FAILED"),
        ("fatal: could not read Username for 'https://x': terminal", 401, "GIT_AUTH_FAILED"),
        ("fatal: not a git repository (or any parent up to mount point /)", 404, "GIT_REPO_NOT_FOUND"),
        ("fatal: repository '/nowhere' does not exist", 404, "GIT_REPO_NOT_FOUND"),
        ("error: pathspec 'x' did not match any file(s) known to git", 404, "GIT_BRANCH_NOT_FOUND"),
        ("error: branch 'x' not found", 404, "GIT_BRANCH_NOT_FOUND"),
        ("fatal: a branch named 'x' already exists", 409, "GIT_BRANCH_EXISTS"),
        ("error: Your local changes to the following files would be overwritten", 409, "GIT_DIRTY_WORKTREE"),
        ("CONFLICT (content): Merge conflict in f", 409, "GIT_MERGE_CONFLICT"),
        (" ! [rejected]        main -> main (fetch first)", 409, "GIT_PUSH_REJECTED"),
        (" ! [remote rejected] main -> main (hook declined)", 422, "GIT_REMOTE_REJECTED"),
        ("fatal: unable to access 'http://x/': Could not resolve host: x", 502, "GIT_TRANSPORT_FAILED"),
        ("fatal: something new", 400, "BAD_REQUEST"),
        ("", 400, "BAD_REQUEST"),
    ],
)  # fmt: skip
def test_gits_words_have_a_name_on_the_wire(said: str, status: int, code: str) -> None:
    error = complaint(said)
    assert (error.status, error.code, error.source) == (status, code, "DAYTONA_DAEMON")
    assert error.message
