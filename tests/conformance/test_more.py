"""ENGINE-CONTRACT section 10: what SHOULD work (C-056 to C-060, C-063, C-065, C-066)."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from daytona import (
    CreateSandboxFromSnapshotParams,
    DaytonaBadRequestError,
    DaytonaNotFoundError,
    SessionExecuteRequest,
)
from tests.support.sandboxd import EngineProcess, Sdk, new_engine, sdk_of


def params(**values: Any) -> CreateSandboxFromSnapshotParams:
    return CreateSandboxFromSnapshotParams(**values)


@pytest.fixture
def quick_engine() -> Iterator[EngineProcess]:
    """An engine whose minutes last a second and a half."""
    running = new_engine({"SANDBOXD_MINUTE": "1.5"})
    yield running
    running.remove()


async def state(sdk: Sdk, sandbox: Any) -> str:
    try:
        return (await sdk.do(sdk.client.get, sandbox.id)).state
    except DaytonaNotFoundError:
        return "gone"


async def wait_for(sdk: Sdk, sandbox: Any, wanted: str, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while await state(sdk, sandbox) != wanted:
            await asyncio.sleep(0.05)


async def test_c056_c057_intervals_act_but_not_while_something_runs(
    quick_engine: EngineProcess,
) -> None:
    async with sdk_of(quick_engine, "async") as sdk:
        create: Callable[..., Any] = sdk.client.create
        server = await create(params(auto_stop_interval=1))
        await server.process.create_session("s")
        request = SessionExecuteRequest(command="sleep 100", run_async=True)
        await server.process.execute_session_command("s", request)
        idle = await create(params(auto_stop_interval=1))
        never = await create(params(auto_stop_interval=0))
        ephemeral = await create(params(auto_stop_interval=1, ephemeral=True))
        short = await create(params(auto_stop_interval=0, ttl_minutes=2))
        deleted = await create(params(auto_stop_interval=0, auto_delete_interval=1))
        archived = await create(params(auto_stop_interval=0, auto_archive_interval=1))
        await deleted.stop()
        await archived.stop()
        busy = await create(params(auto_stop_interval=1))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(busy.process.exec("sleep 8; echo done"))
            await wait_for(sdk, idle, "stopped")
            await wait_for(sdk, server, "stopped")  # a dev server alone is no activity
            await wait_for(sdk, ephemeral, "gone")
            await wait_for(sdk, short, "gone")
            await wait_for(sdk, deleted, "gone")
            await wait_for(sdk, archived, "archived")
            assert await state(sdk, busy) == "started"
            assert not running.done()
        assert running.result().result == "done\n"
        assert await state(sdk, never) == "started"
        await wait_for(sdk, busy, "stopped")


async def test_c058_archive_then_start_gives_the_files_back(sdk: Sdk, sandbox: Any) -> None:
    await sdk.do(sandbox.fs.upload_file, b"1", "f")
    with pytest.raises(DaytonaBadRequestError):
        await sdk.do(sandbox.archive)
    await sdk.do(sandbox.stop)
    await sdk.do(sandbox.archive)
    # The object itself may still be told of the stop that came before.
    assert (await sdk.do(sdk.client.get, sandbox.id)).state == "archived"
    await sdk.do(sandbox.start)
    assert await sdk.do(sandbox.fs.download_file, "f") == b"1"


async def test_c059_fork_copies_files(sdk: Sdk, sandbox: Any) -> None:
    await sdk.do(sandbox.fs.upload_file, b"1", "f")
    copy = await sdk.do(sandbox.fork, name=f"fork-{uuid.uuid4().hex[:8]}")
    try:
        assert copy.id != sandbox.id
        assert await sdk.do(copy.fs.download_file, "f") == b"1"
        await sdk.do(copy.fs.upload_file, b"2", "f")
        assert await sdk.do(sandbox.fs.download_file, "f") == b"1"
    finally:
        await sdk.do(copy.delete)
    shown = await sdk.do(sdk.client.snapshot.list)
    assert not [each.name for each in shown.items if each.name.startswith("fork-")]


async def test_c060_snapshots_are_listed_got_by_name_and_id_and_activated(
    sdk: Sdk, sandbox: Any
) -> None:
    name = f"c060/{uuid.uuid4().hex[:6]}:v1"
    await sdk.do(sandbox.create_snapshot, name)
    snapshots = sdk.client.snapshot
    found = await sdk.do(snapshots.get, name)
    assert (await sdk.do(snapshots.get, found.id)).name == name
    assert found.state == "active"
    listed = await sdk.do(snapshots.list, 1, 100)
    assert name in [each.name for each in listed.items]
    assert "sandboxd-base" in [each.name for each in listed.items]
    assert (await sdk.do(snapshots.activate, found)).name == name
    await sdk.do(snapshots.delete, found)
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(snapshots.get, name)


async def test_c063_settings_take_effect(sdk: Sdk, sandbox: Any) -> None:
    run = sandbox.process.exec
    await sdk.do(sandbox.update_env, {"A": "1", "B": "2"})
    await sdk.do(sandbox.update_env, {"C": "3"}, unset=["A"])
    assert (await sdk.do(run, "echo $A-$B-$C")).result == "-2-3\n"
    reach = "(echo > /dev/tcp/127.0.0.1/3128) 2>/dev/null && echo open || echo closed"
    assert (await sdk.do(run, reach)).result == "open\n"
    await sdk.do(sandbox.update_network_settings, network_block_all=True)
    assert (await sdk.do(run, reach)).result == "closed\n"
    await sdk.do(sandbox.update_network_settings, network_block_all=False)
    assert (await sdk.do(run, reach)).result == "open\n"


async def test_c065_browser_clients_of_named_origins() -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    engine = new_engine(None, "--allow-origin", "http://app.example")
    try:
        origin = {"Origin": "http://app.example"}
        async with engine.client() as client:
            preflight = await client.options(
                "/sandbox",
                headers={**origin, "Authorization": "", "Access-Control-Request-Method": "POST"},
            )
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == "http://app.example"
            made = await client.post("/sandbox", json={}, headers=origin)
            assert made.headers["access-control-allow-origin"] == "http://app.example"
            box = made.json()["id"]
            link = (await client.get(f"/sandbox/{box}/ports/1/preview-url")).json()
        path = f"{engine.url.replace('http', 'ws')}/toolbox/{box}/process/session/entrypoint/logs"
        name = "X-Daytona-SDK-Version~0.216.0"
        for token, welcome in ((link["token"], True), ("wrong", False)):
            query = f"?follow=true&DAYTONA_SANDBOX_AUTH_KEY={token}"
            if welcome:
                async with connect(path + query, subprotocols=[name]) as socket:  # type: ignore[list-item]
                    assert socket.subprotocol == name
                continue
            with pytest.raises(InvalidStatus) as caught:
                await connect(path + query, subprotocols=[name])  # type: ignore[list-item]
            assert caught.value.response.status_code == 401
    finally:
        engine.remove()


async def test_c066_the_entrypoint_session_answers(sdk: Sdk, sandbox: Any) -> None:
    session = await sdk.do(sandbox.process.get_entrypoint_session)
    assert session.session_id
    logs = await sdk.do(sandbox.process.get_entrypoint_logs)
    assert logs.output == ""
    await sdk.do(sandbox.process.get_entrypoint_logs_async, print, print)


async def test_npm_install_works_through_the_filtered_proxy(sdk: Sdk, sandbox: Any) -> None:
    answer = await sdk.do(
        sandbox.process.exec,
        "mkdir p && cd p && npm init -y >/dev/null && npm install --no-audit is-number 2>&1 && "
        "node -e \"console.log(require('is-number')(5))\"",
        timeout=120,
    )
    assert answer.exit_code == 0, answer.result
    assert answer.result.rstrip().endswith("true")
