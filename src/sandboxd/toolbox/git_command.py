"""One git command inside a sandbox, and what its complaints are called on the wire.

Git only ever runs inside (ENGINE.md 5, row 34): hooks, filters and helpers of a hostile repository
have the sandbox's rights.
"""

import re
from collections.abc import Mapping, Sequence

from sandboxd.errors import SandboxdError
from sandboxd.toolbox.execute import run
from sandboxd.toolbox.inside import Inside

ENV = {"LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true"}
# The password travels in the environment: arguments are shown to everybody inside.
HELPER = (
    'credential.helper=!f() { test "$1" = get || exit 0; '
    'echo "username=$SANDBOXD_GIT_USER"; echo "password=$SANDBOXD_GIT_PASSWORD"; }; f'
)

# The first pattern that the output holds decides. Our own patterns, not a client's.
_COMPLAINTS = [
    (r"Authentication failed|could not read (Username|Password)|HTTP 40[13]", 401, "AUTH_FAILED"),
    (r"Remote branch .* not found|pathspec .* did not match|branch '.*' not found"
     r"|not a valid (branch|object)|invalid reference|couldn't find remote ref", 404,
     "BRANCH_NOT_FOUND"),
    (r"not a git repository|[Rr]epository .*(not found|does not exist)"
     r"|does not appear to be a git repository", 404, "REPO_NOT_FOUND"),
    (r"[Bb]ranch named .* already exists|branch .* already exists", 409, "BRANCH_EXISTS"),
    (r"CONFLICT|unmerged files|fix conflicts", 409, "MERGE_CONFLICT"),
    (r"would be overwritten|local changes", 409, "DIRTY_WORKTREE"),
    (r"\[remote rejected\]", 422, "REMOTE_REJECTED"),
    (r"\[rejected\]|non-fast-forward|divergent branches", 409, "PUSH_REJECTED"),
    (r"Could not resolve|unable to access|Connection (refused|timed out)|Failed to connect", 502,
     "TRANSPORT_FAILED"),
]  # fmt: skip


class GitError(SandboxdError):
    status, code, source = 400, "BAD_REQUEST", "DAYTONA_DAEMON"


async def git(
    within: Inside,
    path: str,
    *arguments: str,
    username: str | None = None,
    password: str | None = None,
    options: Sequence[str] = (),
    allowed: tuple[int, ...] = (0,),
) -> tuple[int, str]:
    """Run `git arguments` in the repository at `path`; returns its exit code and output.

    Raises `GitError` for exit codes that are not `allowed`, named after what git said.
    """
    env: Mapping[str, str] = ENV
    words = ["git", *options]
    if username is not None or password is not None:
        env = {
            **ENV,
            "SANDBOXD_GIT_USER": username or "git",
            "SANDBOXD_GIT_PASSWORD": password or "",
        }
        words += ["-c", "credential.helper=", "-c", HELPER]
    code, output = await run(within, [*words, *arguments], env=env, cwd=path)
    if code not in allowed:
        raise complaint(output)
    return code, output


def complaint(output: str) -> GitError:
    """The error that git's words stand for."""
    message = output.strip()[-2000:] or "git failed"
    for pattern, status, code in _COMPLAINTS:
        if re.search(pattern, output):
            return GitError(message, status=status, code=f"GIT_{code}")
    return GitError(message)
