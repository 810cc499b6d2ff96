"""ENGINE-CONTRACT section 10: sandboxes as the SDKs see them (C-001 to C-014, C-040, C-041)."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest
from daytona import (
    CreateSandboxFromSnapshotParams,
    DaytonaBadRequestError,
    DaytonaConflictError,
    DaytonaNotFoundError,
    ListSandboxesQuery,
    SandboxState,
)
from tests.support.sandboxd import EngineProcess, Sdk


def params(**values: Any) -> CreateSandboxFromSnapshotParams:
    return CreateSandboxFromSnapshotParams(**values)


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "x"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sandbox"),
        ("POST", "/sandbox"),
        ("GET", "/snapshots"),
        ("GET", "/nowhere"),
        ("POST", "/toolbox/x/process/execute"),
    ],
)
async def test_c001_requests_without_the_key_are_401_json(
    engine: EngineProcess, headers: dict[str, str], method: str, path: str
) -> None:
    async with httpx.AsyncClient(base_url=engine.url) as client:
        answer = await client.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHORIZED"
    assert isinstance(answer.json()["message"], str)


async def test_c002_create_answers_200_started_with_every_required_field(
    engine: EngineProcess,
) -> None:
    async with engine.client() as client:
        answer = await client.post("/sandbox", json={"env": {}, "volumes": []})
        made = answer.json()
        await client.delete(f"/sandbox/{made['id']}")
    assert answer.status_code == 200
    assert made["state"] == "started"
    for field in ("id", "organizationId", "name", "user", "target", "toolboxProxyUrl"):
        assert isinstance(made[field], str), field
    for field in ("cpu", "gpu", "memory", "disk"):
        assert type(made[field]) is int, field
    for field in ("public", "networkBlockAll", "kvm"):
        assert type(made[field]) is bool, field
    assert (made["cpu"], made["memory"], made["disk"]) == (2, 4, 8)
    assert made["env"] == {}
    assert made["labels"] == {}
    assert made["name"] == made["id"] == str(uuid.UUID(made["id"]))
    assert made["isolation"] == "namespaces"


async def test_c003_create_keeps_what_it_was_told_and_fills_in_the_defaults(sdk: Sdk) -> None:
    name = unique("c003")
    made = await sdk.do(
        sdk.client.create,
        params(
            name=name,
            labels={"a": "1"},
            env_vars={"E": "v"},
            public=True,
            auto_stop_interval=7,
            auto_archive_interval=9,
            auto_delete_interval=0,
        ),
    )
    plain = await sdk.do(sdk.client.create)
    try:
        found = await sdk.do(sdk.client.get, made.id)
        assert (found.name, found.env["E"], found.public, found.user) == (
            name,
            "v",
            True,
            "daytona",
        )
        assert found.labels["a"] == "1"
        intervals = (
            found.auto_stop_interval,
            found.auto_archive_interval,
            found.auto_delete_interval,
        )
        assert intervals == (7, 9, 0)
        assert (await sdk.do(made.process.exec, "echo $E")).result == "v\n"
        defaults = (
            plain.auto_stop_interval,
            plain.auto_archive_interval,
            plain.auto_delete_interval,
        )
        assert defaults == (15, 10080, -1)
        assert plain.public is False
    finally:
        await sdk.do(made.delete)
        await sdk.do(plain.delete)


async def test_c004_an_unknown_snapshot_is_404_and_a_taken_name_409(sdk: Sdk) -> None:
    name = unique("c004")
    with pytest.raises(DaytonaNotFoundError):
        await sdk.do(sdk.client.create, params(snapshot="no/such:snapshot"))
    made = await sdk.do(sdk.client.create, params(name=name))
    try:
        with pytest.raises(DaytonaConflictError):
            await sdk.do(sdk.client.create, params(name=name))
    finally:
        await sdk.do(made.delete)


async def test_c005_get_by_id_and_by_name_even_with_a_slash(sdk: Sdk) -> None:
    name = unique("c005/with slash+%")
    made = await sdk.do(sdk.client.create, params(name=name))
    try:
        assert (await sdk.do(sdk.client.get, made.id)).name == name
        assert (await sdk.do(sdk.client.get, name)).id == made.id
        with pytest.raises(DaytonaNotFoundError):
            await sdk.do(sdk.client.get, unique("nobody"))
    finally:
        await sdk.do(made.delete)


async def test_c006_list_pages_filters_and_shows_what_was_just_made(sdk: Sdk) -> None:
    mark = unique("c006")
    made = [await sdk.do(sdk.client.create, params(labels={"mark": mark})) for _ in range(3)]
    try:
        query = ListSandboxesQuery(labels={"mark": mark}, limit=2)
        found = await sdk.all(query)
        assert {each.id for each in found} == {each.id for each in made}
        await sdk.do(made[0].stop)
        started = ListSandboxesQuery(labels={"mark": mark}, states=[SandboxState.STARTED])
        assert {each.id for each in await sdk.all(started)} == {each.id for each in made[1:]}
    finally:
        for each in made:
            await sdk.do(each.delete)
    assert await sdk.all(ListSandboxesQuery(labels={"mark": mark})) == []


async def test_c006_the_last_page_has_a_null_cursor_and_items_have_no_env(
    engine: EngineProcess, sandbox: Any
) -> None:
    async with engine.client() as client:
        page = (await client.get("/sandbox", params={"id": sandbox.id})).json()
    assert page["nextCursor"] is None
    assert [item["id"] for item in page["items"]] == [sandbox.id]
    assert "env" not in page["items"][0]


async def test_c007_stop_kills_processes_and_keeps_files(sdk: Sdk, sandbox: Any) -> None:
    await sdk.do(sandbox.fs.upload_file, b"kept", "kept.txt")
    await sdk.do(sandbox.process.exec, "setsid nohup sleep 1000 >/dev/null 2>&1 &")
    await sdk.do(sandbox.stop)
    assert (await sdk.do(sdk.client.get, sandbox.id)).state == "stopped"
    await sdk.do(sandbox.start)
    assert await sdk.do(sandbox.fs.download_file, "kept.txt") == b"kept"
    found = await sdk.do(sandbox.process.exec, "cat /proc/[0-9]*/comm")
    assert "sleep" not in found.result


async def test_c008_start_gives_a_new_preview_token_and_again_is_400(
    sdk: Sdk, sandbox: Any
) -> None:
    before = (await sdk.do(sandbox.get_preview_link, 3000)).token
    await sdk.do(sandbox.stop)
    await sdk.do(sandbox.start)
    assert (await sdk.do(sandbox.process.exec, "echo up")).result == "up\n"
    assert (await sdk.do(sandbox.get_preview_link, 3000)).token != before
    with pytest.raises(DaytonaBadRequestError):
        await sdk.do(sandbox.start)


async def test_c009_delete_frees_the_name_and_get_is_404(sdk: Sdk) -> None:
    name = unique("c009")
    for _ in range(2):
        made = await sdk.do(sdk.client.create, params(name=name))
        await sdk.do(made.delete, wait=True)
        with pytest.raises(DaytonaNotFoundError):
            await sdk.do(sdk.client.get, made.id)


async def test_c010_labels_are_replaced_and_returned(sdk: Sdk, sandbox: Any) -> None:
    await sdk.do(sandbox.set_labels, {"a": "1"})
    assert await sdk.do(sandbox.set_labels, {"b": "2"}) == {"b": "2"}
    assert (await sdk.do(sdk.client.get, sandbox.id)).labels == {"b": "2"}


async def test_c011_intervals_read_back(sdk: Sdk, sandbox: Any) -> None:
    for value in (0, 30):
        await sdk.do(sandbox.set_autostop_interval, value)
        await sdk.do(sandbox.set_auto_archive_interval, value)
        await sdk.do(sandbox.set_auto_delete_interval, value)
        await sdk.do(sandbox.refresh_data)
        assert sandbox.auto_stop_interval == value
        assert sandbox.auto_archive_interval == value
        assert sandbox.auto_delete_interval == value
    await sdk.do(sandbox.set_auto_delete_interval, -1)
    await sdk.do(sandbox.refresh_data)
    assert sandbox.auto_delete_interval == -1


async def test_c012_a_transition_is_seen_through_the_event_socket(
    engine: EngineProcess, sdk: Sdk, sandbox: Any
) -> None:
    """Someone else stops the sandbox; the waiting client hears of it and does not wait for a poll."""
    await sdk.do(sandbox.refresh_data)
    await asyncio.sleep(0.3)  # the socket connects in the background

    async def stop_soon() -> float:
        await asyncio.sleep(0.3)
        async with engine.client() as client:
            await client.post(f"/sandbox/{sandbox.id}/stop")
        return time.monotonic()

    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(stop_soon())
        await sdk.do(sandbox.wait_for_sandbox_stop, 10)
        heard = time.monotonic()
    assert heard - stopping.result() < 0.1


async def test_c013_the_event_socket_refuses_a_wrong_token(engine: EngineProcess) -> None:
    import socketio
    from socketio.exceptions import ConnectionError as Refused

    for token, welcome in ((engine.key, True), ("wrong", False)):
        client = socketio.AsyncClient(reconnection=False)
        try:
            await client.connect(
                engine.url.removesuffix("/api"),
                socketio_path="/api/socket.io",
                transports=["websocket"],
                auth={"token": token},
            )
            assert welcome
        except Refused:
            assert not welcome
        finally:
            await client.disconnect()


async def test_c014_directories_are_absolute_and_metrics_make_sense(sdk: Sdk, sandbox: Any) -> None:
    assert await sdk.do(sandbox.get_user_home_dir) == "/home/daytona"
    assert (await sdk.do(sandbox.get_work_dir)).startswith("/")
    metrics = await sdk.do(sandbox.get_metrics_latest)
    assert 0 <= metrics.cpu_used_pct <= 100
    for name in ("cpu_count", "memory_total", "memory_used", "disk_total", "disk_used"):
        value = getattr(metrics, name, None)
        assert value is None or value >= 0, name


async def test_c034_the_toolbox_of_a_stopped_sandbox_is_400_from_the_proxy(
    engine: EngineProcess, sdk: Sdk, sandbox: Any
) -> None:
    await sdk.do(sandbox.stop)
    with pytest.raises(DaytonaBadRequestError) as caught:
        await sdk.do(sandbox.process.exec, "true")
    assert "Is the Sandbox started?" in str(caught.value)
    async with engine.client() as client:
        answer = await client.post(f"/toolbox/{sandbox.id}/process/execute", json={"command": "x"})
        assert (answer.status_code, answer.json()["source"]) == (400, "DAYTONA_PROXY")
        unknown = await client.post(f"/toolbox/{uuid.uuid4()}/process/execute", json={})
        assert unknown.status_code == 404


async def test_c040_a_snapshot_of_a_running_and_of_a_stopped_sandbox(sdk: Sdk) -> None:
    made = await sdk.do(sdk.client.create)
    names = [unique("c040/a:1"), unique("c040/b:2")]
    await sdk.do(
        made.process.exec, "mkdir -p d/e && echo 1 > d/e/f && ln -s e d/l && chmod 750 d/e"
    )
    await sdk.do(made.process.exec, "rm -f /etc/hostname; echo gone")
    await sdk.do(made.create_snapshot, names[0])
    assert (await sdk.do(made.process.exec, "cat d/l/f")).result == "1\n"
    await sdk.do(made.process.exec, "rm d/e/f; echo 2 > d/g")
    await sdk.do(made.stop)
    await sdk.do(made.create_snapshot, names[1])
    await sdk.do(made.start)
    assert (await sdk.do(made.process.exec, "cat d/g")).result == "2\n"
    await sdk.do(made.delete)

    look = "cat d/e/f d/g; stat -c %a d/e; readlink d/l; ls /etc/hostname"
    seen: list[str] = []
    for name in names:
        copy = await sdk.do(sdk.client.create, params(snapshot=name))
        assert copy.snapshot == name
        seen.append((await sdk.do(copy.process.exec, look)).result)
        await sdk.do(copy.delete)
    assert seen[0].splitlines()[0] == "1"
    assert "2" not in seen[0].splitlines()[0]
    assert "d/e/f" in seen[1]  # deleted, and stays so
    assert "\n2\n" in f"\n{seen[1]}"
    for text in seen:
        assert "750\ne\n" in text
        assert "cannot access '/etc/hostname'" in text
    for name in names:
        await sdk.do(sdk.client.snapshot.delete, await sdk.do(sdk.client.snapshot.get, name))
        with pytest.raises(DaytonaNotFoundError):
            await sdk.do(sdk.client.snapshot.get, name)


async def test_c040_a_deleted_snapshots_layers_stay_while_a_sandbox_stands_on_them(
    sdk: Sdk, sandbox: Any
) -> None:
    name = unique("c040")
    await sdk.do(sandbox.fs.upload_file, b"x", "x.txt")
    await sdk.do(sandbox.create_snapshot, name)
    copy = await sdk.do(sdk.client.create, params(snapshot=name))
    try:
        await sdk.do(sdk.client.snapshot.delete, await sdk.do(sdk.client.snapshot.get, name))
        await sdk.do(copy.stop)
        await sdk.do(copy.start)
        assert await sdk.do(copy.fs.download_file, "x.txt") == b"x"
    finally:
        await sdk.do(copy.delete)


async def test_c041_last_activity_moves(sdk: Sdk, sandbox: Any) -> None:
    await sdk.do(sandbox.refresh_data)
    before = sandbox.last_activity_at
    await asyncio.sleep(0.01)
    await sdk.do(sandbox.refresh_activity)
    await sdk.do(sandbox.refresh_data)
    assert sandbox.last_activity_at > before
