"""ENGINE-CONTRACT section 10: code_run (C-019), git (C-032, C-064), PTY (C-050, C-051), interpreter (C-052)."""

import asyncio
from typing import Any

import pytest
from daytona import (
    CodeRunParams,
    CreateSandboxFromSnapshotParams,
    DaytonaConflictError,
    DaytonaError,
    DaytonaNotFoundError,
    DaytonaTimeoutError,
    PtySize,
)
from daytona.common.errors import (
    DaytonaGitBranchExistsError,
    DaytonaGitBranchNotFoundError,
    DaytonaGitRepoNotFoundError,
)
from tests.support.sandboxd import Sdk

CODE = {
    "python": "import sys, os\nprint(sys.argv[1:], os.environ['E'])",
    "javascript": "console.log(process.argv.slice(2), process.env.E)",
    "typescript": "const a: string[] = process.argv.slice(2); console.log(a, process.env.E)",
}
BROKEN = {"python": "x =", "javascript": "let =", "typescript": "let : = 1"}


@pytest.mark.parametrize("language", ["python", "javascript", "typescript"])
async def test_c019_code_runs_with_arguments_and_environment(sdk: Sdk, language: str) -> None:
    params = CreateSandboxFromSnapshotParams(language=language)  # type: ignore[arg-type]
    sandbox = await sdk.do(sdk.client.create, params)
    run = sandbox.process.code_run
    try:
        answer = await sdk.do(
            run, CODE[language], CodeRunParams(argv=["a", "b c"], env={"E": "env"})
        )
        assert answer.exit_code == 0, answer.result
        assert "'a', 'b c'" in answer.result
        assert "env" in answer.result
        broken = await sdk.do(run, BROKEN[language])
        assert broken.exit_code != 0
        assert "SyntaxError" in broken.result or "Syntax" in broken.result
    finally:
        await sdk.do(sandbox.delete)


async def test_c032_git_on_a_local_remote(sdk: Sdk, sandbox: Any) -> None:
    git, run = sandbox.git, sandbox.process.exec
    await sdk.do(git.init, "origin.git", bare=True, initial_branch="main")
    await sdk.do(git.clone, "/home/daytona/origin.git", "work")
    await sdk.do(sandbox.fs.upload_file, b"one", "work/a b.txt")
    status = await sdk.do(git.status, "work")
    assert [(f.name, f.staging, f.worktree) for f in status.file_status] == [
        ("a b.txt", "Untracked", "Untracked")
    ]
    await sdk.do(git.add, "work", ["."])
    status = await sdk.do(git.status, "work")
    assert [(f.name, f.staging, f.worktree) for f in status.file_status] == [
        ("a b.txt", "Added", "Unmodified")
    ]
    made = await sdk.do(git.commit, "work", "first: it's\n\nbody", "A U", "a@example.com")
    assert made.sha == (await sdk.do(run, "git -C work rev-parse HEAD")).result.strip()
    status = await sdk.do(git.status, "work")
    assert (status.current_branch, status.file_status) == ("main", [])

    await sdk.do(git.create_branch, "work", "side")
    with pytest.raises(DaytonaGitBranchExistsError):
        await sdk.do(git.create_branch, "work", "side")
    await sdk.do(git.checkout_branch, "work", "side")
    branches = await sdk.do(git.branches, "work")
    assert set(branches.branches) == {"main", "side"}
    assert branches.current == "side"
    await sdk.do(git.checkout_branch, "work", "main")
    await sdk.do(git.delete_branch, "work", "side")
    with pytest.raises(DaytonaGitBranchNotFoundError):
        await sdk.do(git.checkout_branch, "work", "side")
    with pytest.raises(DaytonaGitRepoNotFoundError):
        await sdk.do(git.status, "/tmp")
    with pytest.raises(DaytonaError):
        await sdk.do(git.clone, "/nowhere", "other")
    with pytest.raises(DaytonaError) as caught:
        await sdk.do(git.checkout_branch, "work", "--orphan")
    assert caught.value.status_code == 400


async def test_c064_git_config_remotes_reset_restore_push_and_pull(sdk: Sdk, sandbox: Any) -> None:
    git, run = sandbox.git, sandbox.process.exec
    await sdk.do(git.init, "origin.git", bare=True, initial_branch="main")
    await sdk.do(git.init, "work", initial_branch="main")
    await sdk.do(git.remote_add, "work", "origin", "/home/daytona/origin.git")
    remotes = await sdk.do(git.remotes, "work")
    assert [(r.name, r.url) for r in remotes.remotes] == [("origin", "/home/daytona/origin.git")]
    await sdk.do(git.set_config, "core.editor", "true", path="work")
    assert await sdk.do(git.get_config, "core.editor", path="work") == "true"
    assert await sdk.do(git.get_config, "no.such", path="work") is None
    await sdk.do(sandbox.fs.upload_file, b"1", "work/f")
    await sdk.do(git.add, "work", ["f"])
    await sdk.do(git.reset, "work", files=["f"])
    status = await sdk.do(git.status, "work")
    assert status.file_status[0].staging == "Untracked"
    await sdk.do(git.add, "work", ["f"])
    await sdk.do(git.commit, "work", "one", "A", "a@example.com")
    await sdk.do(git.push, "work", branch="main", remote="origin", set_upstream=True)
    await sdk.do(sandbox.fs.upload_file, b"2", "work/f")
    await sdk.do(git.restore, "work", ["f"])
    assert await sdk.do(sandbox.fs.download_file, "work/f") == b"1"
    await sdk.do(git.clone, "/home/daytona/origin.git", "second")
    await sdk.do(
        run,
        "cd second && echo 3 > f && git -c user.name=x -c user.email=x@example.com "
        "commit -qam two && git push -q",
    )
    await sdk.do(git.pull, "work")
    assert await sdk.do(sandbox.fs.download_file, "work/f") == b"3\n"


async def read_until(handle: Any, text: bytes, seen: bytearray, sdk: Sdk) -> None:
    async with asyncio.timeout(10):
        while text not in seen:
            await asyncio.sleep(0.02)


async def test_c050_a_terminal_has_env_folder_size_and_an_exit_code(sdk: Sdk, sandbox: Any) -> None:
    process = sandbox.process
    seen = bytearray()
    create = {
        "id": "pty",
        "cwd": "/tmp",
        "envs": {"X": "y z"},
        "pty_size": PtySize(rows=30, cols=100),
    }
    if sdk.synchronous:
        handle = await sdk.do(process.create_pty_session, **create)
        reading = asyncio.get_running_loop().run_in_executor(None, handle.wait, seen.extend)
    else:
        handle = await sdk.do(process.create_pty_session, on_data=seen.extend, **create)
        reading = asyncio.ensure_future(handle.wait())
    with pytest.raises(DaytonaConflictError):
        await sdk.do(
            process.create_pty_session,
            **{**create, **({} if sdk.synchronous else {"on_data": print})},
        )
    await sdk.do(handle.send_input, 'stty size; pwd; echo "<$X>"\n')
    await read_until(handle, b"<y z>", seen, sdk)
    assert b"30 100" in seen
    assert b"/tmp" in seen
    info = await sdk.do(handle.resize, PtySize(rows=40, cols=120))
    assert (info.rows, info.cols) == (40, 120)
    await sdk.do(handle.send_input, "stty size\n")
    await read_until(handle, b"40 120", seen, sdk)
    assert [each.id for each in await sdk.do(process.list_pty_sessions)] == ["pty"]
    await sdk.do(handle.send_input, "exit 7\n")
    result = await asyncio.wait_for(reading, 10)
    assert result.exit_code == 7
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(process.get_pty_session_info, "pty")


async def test_c051_a_terminal_outlives_its_client_and_is_killed(sdk: Sdk, sandbox: Any) -> None:
    process = sandbox.process
    seen = bytearray()
    extra = {} if sdk.synchronous else {"on_data": seen.extend}
    first = await sdk.do(process.create_pty_session, id="p", **extra)
    await sdk.do(first.send_input, "V=kept\n")
    await asyncio.sleep(0.2)
    await sdk.do(first.disconnect)
    assert [each.id for each in await sdk.do(process.list_pty_sessions)] == ["p"]
    again = await sdk.do(process.connect_pty_session, "p", **extra)
    if sdk.synchronous:
        reading = asyncio.get_running_loop().run_in_executor(None, again.wait, seen.extend)
    else:
        reading = asyncio.ensure_future(again.wait())
    await sdk.do(again.send_input, 'echo "<$V>"\n')
    await read_until(again, b"<kept>", seen, sdk)
    await sdk.do(process.kill_pty_session, "p")
    result = await asyncio.wait_for(reading, 10)
    assert result.exit_code == 137
    assert await sdk.do(process.list_pty_sessions) == []


async def test_c052_the_interpreter_keeps_state_per_context(sdk: Sdk, sandbox: Any) -> None:
    interpreter = sandbox.code_interpreter
    run = interpreter.run_code
    await sdk.do(run, "x = 41")
    answer = await sdk.do(run, "import sys; x += 1; print(x); print('e', file=sys.stderr)")
    assert (answer.stdout, answer.stderr, answer.error) == ("42\n", "e\n", None)
    context = await sdk.do(interpreter.create_context, cwd="/tmp")
    other = await sdk.do(
        run, "import os; print(os.getcwd(), os.environ['E']); x", context=context, envs={"E": "1"}
    )
    assert other.stdout == "/tmp 1\n"
    assert other.error.name == "NameError"
    assert "Traceback" in other.error.traceback
    assert (await sdk.do(run, "def")).error.name == "SyntaxError"
    assert [each.id for each in await sdk.do(interpreter.list_contexts)] == [context.id]
    with pytest.raises(DaytonaTimeoutError):
        await sdk.do(run, "while True: pass", context=context, timeout=1)
    assert await sdk.do(interpreter.list_contexts) == []
    fresh = await sdk.do(interpreter.create_context)
    await sdk.do(interpreter.delete_context, fresh)
    assert (await sdk.do(run, "print(x)")).stdout == "42\n"
    from_child = await sdk.do(run, "import subprocess; subprocess.run(['echo', 'child'])")
    assert from_child.stdout == "child\n"
