"""ENGINE-CONTRACT section 10: exec and sessions (C-015 to C-025, C-036)."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest
from daytona import (
    DaytonaBadRequestError,
    DaytonaConflictError,
    DaytonaGoneError,
    DaytonaNotFoundError,
    DaytonaTimeoutError,
    SessionExecuteRequest,
)
from tests.support.sandboxd import EngineProcess, Sdk


def run(command: str, *, background: bool = False) -> SessionExecuteRequest:
    return SessionExecuteRequest(command=command, run_async=background)


@pytest.fixture
async def session(sdk: Sdk, sandbox: Any) -> str:
    name = f"s-{uuid.uuid4().hex[:6]}"
    await sdk.do(sandbox.process.create_session, name)
    return name


async def processes(sdk: Sdk, sandbox: Any) -> str:
    answer = await sdk.do(sandbox.process.exec, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    return answer.result


async def test_c015_exec_returns_the_exit_code_and_the_merged_output_in_order(
    sdk: Sdk, sandbox: Any
) -> None:
    answer = await sdk.do(sandbox.process.exec, "echo 1; echo 2 >&2; echo 3; exit 42")
    assert (answer.exit_code, answer.result) == (42, "1\n2\n3\n")
    killed = await sdk.do(sandbox.process.exec, "kill -9 $$")
    assert killed.exit_code == 137
    assert (await sdk.do(sandbox.process.exec, "printf 'é\\xff'")).result == "é\ufffd"


async def test_c016_exec_honours_cwd_and_env_heredocs_and_an_empty_stdin(
    sdk: Sdk, sandbox: Any
) -> None:
    answer = await sdk.do(sandbox.process.exec, "pwd; echo $A", cwd="/tmp", env={"A": "b c"})
    assert answer.result == "/tmp\nb c\n"
    heredoc = "cat <<'X'\n$HOME `no`\nX\ncat; echo end"
    assert (await sdk.do(sandbox.process.exec, heredoc)).result == "$HOME `no`\nend\n"
    await sdk.do(sandbox.process.exec, "mkdir -p sub")
    assert (await sdk.do(sandbox.process.exec, "pwd", cwd="sub")).result == "/home/daytona/sub\n"
    with pytest.raises(DaytonaBadRequestError):
        await sdk.do(sandbox.process.exec, "pwd", cwd="/no/such/folder")


async def test_c016_standard_streams_can_be_opened_by_name(sdk: Sdk, sandbox: Any) -> None:
    """A pipe that belongs to root would refuse `> /dev/stderr` to the sandbox's user."""
    answer = await sdk.do(sandbox.process.exec, "echo a > /dev/stdout; echo b > /dev/stderr")
    assert (answer.exit_code, answer.result) == (0, "a\nb\n")


async def test_c017_exec_past_its_timeout_is_408_and_leaves_no_process(
    engine: EngineProcess, sdk: Sdk, sandbox: Any
) -> None:
    stubborn = (
        "trap '' TERM INT; (setsid sh -c 'trap \"\" TERM INT; exec -a stray sleep 1000' &) ; "
        "env -i setsid sleep 1001 & sleep 1002"
    )
    with pytest.raises(DaytonaTimeoutError):
        await sdk.do(sandbox.process.exec, stubborn, timeout=1)
    found = await processes(sdk, sandbox)
    assert not any(word in found for word in ("1000", "1001", "1002"))
    async with engine.client() as client:
        answer = await client.post(
            f"/toolbox/{sandbox.id}/process/execute", json={"command": "sleep 9", "timeout": 1}
        )
    body = answer.json()
    assert answer.status_code == 408
    assert (body["code"], body["source"]) == ("PROCESS_EXECUTION_TIMEOUT", "DAYTONA_DAEMON")
    assert "timeout" in body["message"]


async def test_c018_no_connection_is_closed_before_its_answer_under_load(
    engine: EngineProcess, sandbox: Any
) -> None:
    async with engine.client() as client, asyncio.TaskGroup() as group:
        path = f"/toolbox/{sandbox.id}/process/execute"
        tasks = [
            group.create_task(client.post(path, json={"command": f"echo {n}"})) for n in range(60)
        ]
    assert [task.result().json()["result"] for task in tasks] == [f"{n}\n" for n in range(60)]


async def test_exec_keeps_a_flood_within_bounds(sdk: Sdk, sandbox: Any) -> None:
    answer = await sdk.do(sandbox.process.exec, "yes | head -c 60M; echo; echo last")
    assert len(answer.result) < 12 * 1024 * 1024
    assert answer.result.endswith("last\n")
    assert "bytes left out" in answer.result


async def test_exec_is_killed_when_its_client_goes_away(
    engine: EngineProcess, sdk: Sdk, sandbox: Any
) -> None:
    path = f"/toolbox/{sandbox.id}/process/execute"
    async with engine.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(path, json={"command": "sleep 4321"}, timeout=0.5)
    await asyncio.sleep(0.5)
    assert "4321" not in await processes(sdk, sandbox)


async def test_c020_a_session_keeps_folder_variables_and_functions(
    sdk: Sdk, sandbox: Any, session: str
) -> None:
    execute = sandbox.process.execute_session_command
    await sdk.do(execute, session, run("cd /tmp; export A='x y'; b=2; f() { echo f$1; }"))
    answer = await sdk.do(execute, session, run("pwd; echo $A; f $b; echo err >&2; (exit 7)"))
    assert (answer.stdout, answer.stderr) == ("/tmp\nx y\nf2\n", "err\n")
    assert answer.exit_code == 7
    odd = "printf '%s\\n' \"a\\\\b\" 'c\nd' \"$(echo é)\"\n# a comment"
    assert (await sdk.do(execute, session, run(odd))).stdout == "a\\b\nc\nd\né\n"
    assert (await sdk.do(execute, session, run("if"))).exit_code != 0
    assert (await sdk.do(execute, session, run("echo still here"))).stdout == "still here\n"


async def test_c020_exit_ends_the_session(sdk: Sdk, sandbox: Any, session: str) -> None:
    execute = sandbox.process.execute_session_command
    assert (await sdk.do(execute, session, run("echo bye; exit 3"))).exit_code == 3
    with pytest.raises(DaytonaGoneError) as caught:
        await sdk.do(execute, session, run("echo again"))
    assert caught.value.code == "SESSION_ENDED"


async def test_c021_an_async_command_has_no_exit_code_until_it_ends(
    sdk: Sdk, sandbox: Any, session: str
) -> None:
    execute, look = sandbox.process.execute_session_command, sandbox.process.get_session_command
    started = time.monotonic()
    command = await sdk.do(
        execute, session, run("sleep 0.4; exit_code=5; (exit 5)", background=True)
    )
    assert time.monotonic() - started < 0.3
    assert (await sdk.do(look, session, command.cmd_id)).exit_code is None
    await asyncio.sleep(0.7)
    assert (await sdk.do(look, session, command.cmd_id)).exit_code == 5


async def test_c022_logs_are_json_for_current_sdks_and_text_for_old_ones(
    engine: EngineProcess, sdk: Sdk, sandbox: Any, session: str
) -> None:
    execute = sandbox.process.execute_session_command
    command = await sdk.do(execute, session, run("echo out; echo err >&2"))
    logs = await sdk.do(sandbox.process.get_session_command_logs, session, command.cmd_id)
    assert (logs.stdout, logs.stderr) == ("out\n", "err\n")
    assert sorted(logs.output.splitlines()) == ["err", "out"]
    path = f"/toolbox/{sandbox.id}/process/session/{session}/command/{command.cmd_id}/logs"
    async with engine.client() as client:
        old = await client.get(path, headers={"X-Daytona-SDK-Version": "0.160.2"})
        new = await client.get(path, headers={"X-Daytona-SDK-Version": "0.226.1"})
    assert old.headers["content-type"].startswith("text/plain")
    assert set(new.json()) == {"output", "stdout", "stderr"}


async def test_c023_follow_replays_then_follows_both_streams_and_ends(
    sdk: Sdk, sandbox: Any, session: str
) -> None:
    execute = sandbox.process.execute_session_command
    script = "echo one; echo e1 >&2; sleep 0.5; echo two; echo e2 >&2"
    command = await sdk.do(execute, session, run(script, background=True))
    await asyncio.sleep(0.2)
    out: list[str] = []
    err: list[str] = []
    follow = sandbox.process.get_session_command_logs_async
    for _ in range(2):  # live, then after the end
        out.clear()
        err.clear()
        async with asyncio.timeout(5):
            await follow(session, command.cmd_id, out.append, err.append)
        assert "".join(out) == "one\ntwo\n"
        assert "".join(err) == "e1\ne2\n"


async def test_c023_a_follower_answers_pings_and_may_leave(
    engine: EngineProcess, sdk: Sdk, sandbox: Any, session: str
) -> None:
    from websockets.asyncio.client import connect

    execute = sandbox.process.execute_session_command
    command = await sdk.do(execute, session, run("echo hi; sleep 30", background=True))
    url = engine.url.replace("http", "ws") + f"/toolbox/{sandbox.id}/process/session/{session}"
    async with connect(
        f"{url}/command/{command.cmd_id}/logs?follow=true",
        additional_headers={"Authorization": f"Bearer {engine.key}"},
        subprotocols=["X-Daytona-SDK-Version~0.226.1", "other"],  # type: ignore[list-item]
    ) as socket:
        assert socket.subprotocol is not None
        assert await socket.recv() == b"\x01\x01\x01hi\n"
        async with asyncio.timeout(2):
            await (await socket.ping())
    await sdk.do(sandbox.process.delete_session, session)


async def test_c024_input_reaches_the_command_with_or_without_a_newline(
    sdk: Sdk, sandbox: Any, session: str
) -> None:
    execute, send = (
        sandbox.process.execute_session_command,
        sandbox.process.send_session_command_input,
    )
    script = "read a; read b; echo $a-$b"
    command = await sdk.do(execute, session, run(script, background=True))
    await sdk.do(send, session, command.cmd_id, "Alice")
    await sdk.do(send, session, command.cmd_id, "Bob\n")
    await asyncio.sleep(0.3)
    logs = await sdk.do(sandbox.process.get_session_command_logs, session, command.cmd_id)
    assert logs.stdout == "Alice-Bob\n"
    with pytest.raises(DaytonaGoneError) as caught:
        await sdk.do(send, session, command.cmd_id, "late")
    assert caught.value.code == "COMMAND_ALREADY_COMPLETED"
    unread = await sdk.do(execute, session, run("sleep 0.3", background=True))
    await sdk.do(send, session, unread.cmd_id, "echo not a command")
    answer = await sdk.do(execute, session, run("echo clean"))
    assert answer.stdout == "clean\n"


async def test_c025_duplicates_are_409_the_unknown_404_the_deleted_gone(
    sdk: Sdk, sandbox: Any, session: str
) -> None:
    process = sandbox.process
    with pytest.raises(DaytonaConflictError):
        await sdk.do(process.create_session, session)
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(process.get_session, "nobody")
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(process.get_session_command, session, "nobody")
    command = await sdk.do(process.execute_session_command, session, run("true"))
    shown = await sdk.do(process.get_session, session)
    assert [each.id for each in shown.commands] == [command.cmd_id]
    assert session in [each.session_id for each in await sdk.do(process.list_sessions)]
    await sdk.do(process.delete_session, session)
    assert session not in [each.session_id for each in await sdk.do(process.list_sessions)]
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(process.delete_session, session)


async def test_delete_of_a_session_kills_everything_within_half_a_second(
    sdk: Sdk, sandbox: Any
) -> None:
    """What ignores TERM and INT, what has a session of its own, what cleared its environment."""
    stubborn = (
        "trap '' TERM INT HUP; "
        "setsid sh -c \"trap '' TERM INT; sleep 2001\" & "
        "(setsid setsid sleep 2002 &) ; "
        "env -i sh -c 'sleep 2003 & sleep 2004' & "
        "while :; do sleep 2005; done"
    )
    for turn in range(5):
        name = f"stubborn-{turn}"
        await sdk.do(sandbox.process.create_session, name)
        request = run(stubborn, background=True)
        await sdk.do(sandbox.process.execute_session_command, name, request)
        await asyncio.sleep(0.2)
        assert "2005" in await processes(sdk, sandbox)
        started = time.monotonic()
        await sdk.do(sandbox.process.delete_session, name)
        assert time.monotonic() - started < 0.5
        assert " 200" not in await processes(sdk, sandbox)


async def test_a_flooding_session_stays_within_bounds_and_others_are_served(
    engine: EngineProcess, sdk: Sdk, sandbox: Any, session: str
) -> None:
    execute = sandbox.process.execute_session_command
    command = await sdk.do(execute, session, run("yes; true", background=True))
    slowest = 0.0
    for _ in range(10):
        started = time.monotonic()
        await sdk.do(sandbox.process.exec, "true")
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 1
    logs = await sdk.do(sandbox.process.get_session_command_logs, session, command.cmd_id)
    assert 0 < len(logs.output) <= 11 * 1024 * 1024
    kept = sum(path.stat().st_size for path in engine.home.rglob(f"{command.cmd_id}.*"))
    assert kept <= 12 * 1024 * 1024
    await sdk.do(sandbox.process.delete_session, session)


async def test_c036_statuses_are_exactly_those_listed(engine: EngineProcess, sandbox: Any) -> None:
    box = f"/toolbox/{sandbox.id}"
    async with engine.client() as client:
        expected: list[tuple[str, str, Any, int]] = [
            ("POST", f"{box}/process/execute", {"command": "true"}, 200),
            ("POST", f"{box}/process/session", {"sessionId": "c036"}, 201),
            ("POST", f"{box}/process/session/c036/exec", {"command": "true"}, 200),
            ("POST", f"{box}/process/session/c036/exec", {"command": "true", "async": True}, 202),
            ("GET", f"{box}/process/session/c036", None, 200),
            ("GET", f"{box}/process/session", None, 200),
            ("GET", f"{box}/process/session/entrypoint", None, 200),
            ("DELETE", f"{box}/process/session/c036", None, 204),
            ("POST", f"{box}/files/folder?path=c036&mode=755", None, 201),
            ("GET", f"{box}/files?path=c036", None, 200),
            ("DELETE", f"{box}/files?path=c036&recursive=true", None, 204),
            ("POST", f"/sandbox/{sandbox.id}/last-activity", {}, 201),
            ("PUT", f"/sandbox/{sandbox.id}/labels", {"labels": {}}, 200),
            ("GET", "/config", None, 200),
            ("GET", "/snapshots", None, 200),
        ]
        for method, path, body, status in expected:
            answer = await client.request(method, path, json=body)
            assert answer.status_code == status, (method, path, answer.text)
