"""What outlives the engine: kill -9, SIGTERM, SIGINT, and what was half done (C-013, C-018, C-039)."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from daytona import SessionExecuteRequest
from tests.support.sandboxd import COMMAND, EngineProcess, Sdk, sdk_of


def run(command: str, *, background: bool = True) -> SessionExecuteRequest:
    return SessionExecuteRequest(command=command, run_async=background)


async def logs(sdk: Sdk, sandbox: Any, session: str, command: str) -> Any:
    return await sdk.do(sandbox.process.get_session_command_logs, session, command)


async def test_a_killed_engine_finds_everything_again(own_engine: EngineProcess) -> None:
    before = own_engine.endpoint
    async with sdk_of(own_engine, "async") as sdk:
        sandbox = await sdk.do(sdk.client.create)
        await sdk.do(sandbox.fs.upload_file, b"kept", "kept.txt")
        process = sandbox.process
        for name in ("running", "ends", "exits", "idle"):
            await sdk.do(process.create_session, name)
        execute = process.execute_session_command
        await sdk.do(execute, "idle", run("cd /tmp; export A=1", background=False))
        ticking = await sdk.do(
            execute, "running", run("i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done")
        )
        ending = await sdk.do(execute, "ends", run("echo early; sleep 0.6; echo late; (exit 5)"))
        exiting = await sdk.do(execute, "exits", run("echo bye; sleep 0.5; exit 9"))
        link = await sdk.do(sandbox.get_preview_link, 8000)
        await asyncio.sleep(0.3)
        own_engine.kill()
    await asyncio.sleep(0.8)  # two of the commands end while nobody looks
    started = time.monotonic()
    own_engine.start()
    assert time.monotonic() - started < 20
    assert (own_engine.url, own_engine.key) == (before["url"], before["key"])

    async with sdk_of(own_engine, "async") as sdk:
        sandbox = await sdk.do(sdk.client.get, sandbox.id)
        assert sandbox.state == "started"
        assert (await sdk.do(sandbox.get_preview_link, 8000)).token == link.token
        assert await sdk.do(sandbox.fs.download_file, "kept.txt") == b"kept"
        look = sandbox.process.get_session_command
        assert (await sdk.do(look, "ends", ending.cmd_id)).exit_code == 5
        assert (await logs(sdk, sandbox, "ends", ending.cmd_id)).stdout == "early\nlate\n"
        assert (await sdk.do(look, "exits", exiting.cmd_id)).exit_code == 9
        assert (await sdk.do(look, "running", ticking.cmd_id)).exit_code is None
        await asyncio.sleep(0.3)
        ticks = (await logs(sdk, sandbox, "running", ticking.cmd_id)).stdout
        numbers = [int(number) for number in re.findall(r"tick (\d+)", ticks)]
        assert numbers == list(range(1, len(numbers) + 1))  # nothing lost, nothing twice
        assert len(numbers) > 20
        execute = sandbox.process.execute_session_command
        kept = await sdk.do(execute, "idle", run("pwd; echo $A", background=False))
        assert kept.stdout == "/tmp\n1\n"
        await sdk.do(sandbox.process.delete_session, "running")
        found = await sdk.do(sandbox.process.exec, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert "tick" not in found.result.replace("cat /proc", "")
        proxied = await sdk.do(sandbox.process.exec, "(echo > /dev/tcp/127.0.0.1/3128) && echo up")
        assert proxied.result == "up\n"
        await sdk.do(sandbox.delete)


async def test_sigterm_leaves_sandboxes_running_and_sigint_stops_them(
    own_engine: EngineProcess,
) -> None:
    async with own_engine.client() as client:
        made = (await client.post("/sandbox", json={})).json()
    pids = machine_pids(own_engine, made["id"])
    assert own_engine.end(signal.SIGTERM) == 0
    assert all(alive(pid) for pid in pids)
    own_engine.start()
    async with own_engine.client() as client:
        assert (await client.get(f"/sandbox/{made['id']}")).json()["state"] == "started"
        await client.post(
            f"/toolbox/{made['id']}/process/execute", json={"command": "echo kept > f; sync f"}
        )
    assert own_engine.end(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in pids)
    own_engine.start()
    async with own_engine.client() as client:
        assert (await client.get(f"/sandbox/{made['id']}")).json()["state"] == "stopped"
        await client.post(f"/sandbox/{made['id']}/start")
        answer = await client.post(
            f"/toolbox/{made['id']}/process/execute", json={"command": "cat f"}
        )
        assert answer.json()["result"] == "kept\n"


async def test_c039_shutdown_answers_what_was_accepted(own_engine: EngineProcess) -> None:
    async with own_engine.client() as client:
        made = (await client.post("/sandbox", json={})).json()
        path = f"/toolbox/{made['id']}/process/execute"
        async with asyncio.TaskGroup() as group:
            short = group.create_task(client.post(path, json={"command": "sleep 1; echo done"}))
            long = group.create_task(client.post(path, json={"command": "sleep 60"}))
            await asyncio.sleep(0.4)
            assert own_engine.process is not None
            own_engine.process.send_signal(signal.SIGTERM)
        assert short.result().json()["result"] == "done\n"
        assert long.result().status_code == 503
        assert isinstance(long.result().json()["message"], str)
    assert own_engine.process.wait(20) == 0, own_engine.said()


async def test_c013_clients_hear_events_again_after_a_restart(own_engine: EngineProcess) -> None:
    async with sdk_of(own_engine, "async") as sdk:
        sandbox = await sdk.do(sdk.client.create)
        await asyncio.sleep(0.3)
        own_engine.kill()
        own_engine.start()
        await asyncio.sleep(2)
        async with own_engine.client() as client, asyncio.TaskGroup() as group:
            waiting = group.create_task(sdk.do(sandbox.wait_for_sandbox_stop, 10))
            await asyncio.sleep(0.2)
            await client.post(f"/sandbox/{sandbox.id}/stop")
            stopped = time.monotonic()
            await waiting
            assert time.monotonic() - stopped < 0.2


async def test_what_was_half_done_is_finished_or_undone(own_engine: EngineProcess) -> None:
    """States as a crash leaves them: written, but not carried out."""
    async with own_engine.client() as client:
        made = [(await client.post("/sandbox", json={})).json()["id"] for _ in range(4)]
    own_engine.kill()
    states = ["creating", "stopping", "destroying", "snapshotting"]
    folder = own_engine.home / "state" / "sandboxes"
    for sandbox_id, state in zip(made, states, strict=True):
        path = folder / f"{sandbox_id}.json"
        record = json.loads(path.read_text()) | {"state": state, "was_running": True}
        path.write_text(json.dumps(record))
    stray = own_engine.home / "sandboxes" / str(uuid.uuid4())
    stray.mkdir()
    layer = own_engine.home / "layers" / str(uuid.uuid4())
    layer.mkdir()
    own_engine.start()
    async with own_engine.client() as client:
        found = [await client.get(f"/sandbox/{sandbox_id}") for sandbox_id in made]
        assert [answer.status_code for answer in found] == [404, 200, 404, 200]
        assert found[1].json()["state"] == "stopped"
        assert found[3].json()["state"] == "started"
        assert (await client.post(f"/sandbox/{made[1]}/start")).json()["state"] == "started"
    assert not stray.exists()
    assert not layer.exists()
    assert sorted(path.name for path in (own_engine.home / "sandboxes").iterdir()) == sorted(
        [made[1], made[3]]
    )


async def test_a_machine_that_dies_by_itself_is_stopped_and_its_event_is_sent(
    own_engine: EngineProcess,
) -> None:
    async with sdk_of(own_engine, "async") as sdk:
        sandbox = await sdk.do(sdk.client.create)
        await asyncio.sleep(0.3)
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(sdk.do(sandbox.wait_for_sandbox_stop, 10))
            await asyncio.sleep(0.2)
            for pid in machine_pids(own_engine, sandbox.id):
                os.kill(pid, signal.SIGKILL)
            await waiting
        assert time.monotonic() - started < 1
        await sdk.do(sandbox.refresh_data)
        assert sandbox.error_reason
        await sdk.do(sandbox.start)
        assert (await sdk.do(sandbox.process.exec, "echo back")).result == "back\n"


async def test_a_second_engine_on_one_home_refuses_and_names_the_first(
    own_engine: EngineProcess,
) -> None:
    assert own_engine.process is not None
    second = subprocess.run(
        [*COMMAND, "serve", "--home", str(own_engine.home)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 1
    assert str(own_engine.process.pid) in second.stderr
    printed = subprocess.run(
        [*COMMAND, "env", "--home", str(own_engine.home)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert printed.stdout.splitlines() == [
        f"DAYTONA_API_URL={own_engine.url}",
        f"DAYTONA_API_KEY={own_engine.key}",
    ]
    for name in ("endpoint.json", "api-key"):
        assert (own_engine.home / name).stat().st_mode & 0o777 == 0o600


async def test_the_server_can_be_reached_while_a_sandbox_floods_it(
    own_engine: EngineProcess,
) -> None:
    async with own_engine.client() as client:
        made = (await client.post("/sandbox", json={})).json()
        box = f"/toolbox/{made['id']}/process"
        await client.post(f"{box}/session", json={"sessionId": "flood"})
        await client.post(
            f"{box}/session/flood/exec", json={"command": "yes & yes & yes", "runAsync": True}
        )
        slowest = 0.0
        for _ in range(20):
            started = time.monotonic()
            assert (await client.get("/health")).status_code == 200
            slowest = max(slowest, time.monotonic() - started)
        assert slowest < 1
        with pytest.raises(httpx.HTTPStatusError):
            (await client.get(f"/sandbox/{uuid.uuid4()}")).raise_for_status()


def machine_pids(engine: EngineProcess, sandbox_id: str) -> list[int]:
    """PID 1 of a sandbox, as the runtime wrote it down."""
    folder = engine.home / "sandboxes" / sandbox_id
    for path in folder.glob("*.json"):
        record = json.loads(path.read_text())
        if "pid" in record:
            return [int(record["pid"])]
    raise AssertionError(f"no record in {folder}")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
