"""ENGINE-CONTRACT section 10: the wire's odd corners (C-035, C-037, C-038), and the gate."""

import time
import uuid
from typing import Any

import pytest
from tests.support.sandboxd import EngineProcess

LATER = [
    ("POST", "/toolbox/{id}/lsp/start"),
    ("GET", "/toolbox/{id}/lsp/document-symbols?languageId=python"),
    ("POST", "/toolbox/{id}/computeruse/start"),
    ("GET", "/toolbox/{id}/computeruse/display/info"),
    ("POST", "/sandbox/{id}/ssh-access?expiresInMinutes=60"),
    ("GET", "/sandbox/ssh-access/validate?token=x"),
    ("POST", "/secret"),
    ("PUT", "/sandbox/{id}/secrets"),
    ("POST", "/warm-pools"),
    ("POST", "/volumes"),
    ("GET", "/object-storage/push-access"),
    ("POST", "/snapshots"),
]


@pytest.fixture
async def box(engine: EngineProcess) -> Any:
    async with engine.client() as client:
        made = (await client.post("/sandbox", json={})).json()
        yield made
        await client.delete(f"/sandbox/{made['id']}")


async def test_c035_every_error_has_a_string_message_a_code_and_a_source(
    engine: EngineProcess, box: Any
) -> None:
    tools = f"/toolbox/{box['id']}"
    async with engine.client() as client:
        answers = [
            await client.get(f"/sandbox/{uuid.uuid4()}"),
            await client.post("/sandbox", json={"name": 5}),
            await client.post("/sandbox", content=b"{nonsense"),
            await client.get("/sandbox", params={"limit": "x"}),
            await client.get("/sandbox", params={"labels": "[]"}),
            await client.post(f"{tools}/process/execute", json={"command": ["a"]}),
            await client.get(f"{tools}/files/info"),
            await client.get(f"{tools}/files/info", params={"path": "nope"}),
            await client.post(f"{tools}/files/bulk-upload", content=b"x"),
            await client.post(f"/sandbox/{box['id']}/autostop/-5"),
            await client.get("/no/such/path"),
            await client.patch("/sandbox"),
        ]
    for answer in answers:
        body = answer.json()
        assert 400 <= answer.status_code < 500, answer.text
        assert body["statusCode"] == answer.status_code
        for field in ("message", "code", "source", "path", "method", "timestamp"):
            assert isinstance(body[field], str), (answer.request.url, field)
            assert body[field]


async def test_c037_odd_but_legal_requests_are_accepted(engine: EngineProcess, box: Any) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"}
    async with engine.client() as client:
        base = engine.url
        for answer in (
            await client.post(f"/sandbox/{box['id']}/stop", headers=form),
            await client.post(f"/sandbox/{box['id']}/start?unknown=1", headers=form),
            await client.post(f"/sandbox/{box['id']}/last-activity"),
            await client.get(f"{base}//sandbox/{box['id']}"),
            await client.get(f"{base}/sandbox//{box['id']}/"),
            await client.post(f"/sandbox/{box['id']}/autostop/30.0", headers=form),
        ):
            assert answer.is_success, answer.text


async def test_c038_unknown_paths_are_404_and_later_ones_501_at_once(
    engine: EngineProcess, box: Any
) -> None:
    async with engine.client() as client:
        unknown = await client.get(f"/toolbox/{box['id']}/nowhere/at/all")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
        for method, path in LATER:
            started = time.monotonic()
            answer = await client.request(method, path.format(id=box["id"]), json={})
            assert answer.status_code == 501, path
            assert answer.json()["code"] == "NOT_IMPLEMENTED"
            assert "not supported" in answer.json()["message"]
            assert time.monotonic() - started < 0.5
        for path in ("/volumes", "/warm-pools"):
            assert (await client.get(path)).json() == []


@pytest.mark.parametrize("host", ["evil.example", "evil.localhost", "127.0.0.1.evil.example"])
async def test_a_foreign_host_name_is_refused_even_with_the_key(
    engine: EngineProcess, host: str
) -> None:
    async with engine.client() as client:
        assert (await client.get("/sandbox", headers={"Host": host})).status_code == 421
        assert (await client.get("/sandbox", headers={"Host": "localhost:1"})).status_code == 200


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://localhost:3000"])
async def test_a_web_page_is_refused_even_with_the_key(engine: EngineProcess, origin: str) -> None:
    async with engine.client() as client:
        answer = await client.get("/sandbox", headers={"Origin": origin})
        assert answer.status_code == 403
        options = await client.options("/sandbox", headers={"Origin": origin})
        assert options.status_code == 403
        assert "access-control-allow-origin" not in options.headers


async def test_a_web_page_is_refused_on_websockets_too(engine: EngineProcess, box: Any) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    base = engine.url.replace("http", "ws")
    for path in (
        f"/toolbox/{box['id']}/process/session/entrypoint/logs?follow=true",
        "/socket.io/?EIO=4&transport=websocket",
    ):
        headers = {"Authorization": f"Bearer {engine.key}"}
        async with connect(base + path, additional_headers=headers):
            pass
        with pytest.raises(InvalidStatus) as caught:
            await connect(base + path, additional_headers=headers, origin="http://evil.example")  # type: ignore[arg-type]
        assert caught.value.response.status_code == 403
