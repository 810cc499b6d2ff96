"""ENGINE-CONTRACT sections 8 and 10: previews (C-033, C-053, C-055)."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.sandboxd import EngineProcess, Sdk
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

APP = r"""
const http = require('http'), crypto = require('crypto');
const server = http.createServer((req, res) => {
  let body = '';
  req.on('data', d => body += d);
  req.on('end', () => {
    if (req.url === '/slow') {
      res.write('first'); setTimeout(() => res.end('second'), 300); return;
    }
    res.setHeader('Set-Cookie', ['app=1; Domain=localhost; Path=/', 'daytona-sandbox-auth=evil']);
    res.setHeader('Connection', 'x-hop'); res.setHeader('X-Hop', '1'); res.setHeader('X-Kept', '1');
    res.end(JSON.stringify({method: req.method, url: req.url, headers: req.headers, body}));
  });
});
server.on('upgrade', (req, socket) => {
  const key = crypto.createHash('sha1')
    .update(req.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n`);
  const text = JSON.stringify(req.headers);
  socket.write(Buffer.concat([Buffer.from([0x81, 126, text.length >> 8, text.length & 255]), Buffer.from(text)]));
  socket.on('data', () => { socket.write(Buffer.from([0x88, 2, 0x0f, 0xa1])); socket.end(); });
});
server.listen(5173, '127.0.0.1');
"""


class Site:
    """A running app in a sandbox, and ways to ask for it."""

    def __init__(self, engine: EngineProcess, sandbox: Any, url: str, token: str) -> None:
        self.engine = engine
        self.sandbox = sandbox
        self.host = url.removeprefix("http://")
        self.token = token
        self.client = httpx.AsyncClient(base_url=engine.url.removesuffix("/api"), timeout=20)

    async def get(self, path: str = "/", host: str | None = None, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={"Host": host or self.host, **headers})

    async def ask(self, path: str = "/", **headers: str) -> dict[str, Any]:
        answer = await self.get(path, **{"X-Daytona-Preview-Token": self.token, **headers})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def site(engine: EngineProcess, sdk: Sdk, sandbox: Any) -> AsyncIterator[Site]:
    await sdk.do(sandbox.fs.upload_file, APP.encode(), "app.js")
    await sdk.do(sandbox.process.exec, "nohup node app.js > app.log 2>&1 &")
    link = await sdk.do(sandbox.get_preview_link, 5173)
    assert link.url == f"http://5173-{sandbox.id}.localhost:{engine.url.split(':')[2][:-4]}"
    opened = Site(engine, sandbox, link.url, link.token)
    async with opened.client:
        for _ in range(100):
            if (await opened.get(**{"X-Daytona-Preview-Token": link.token})).status_code == 200:
                break
            await asyncio.sleep(0.05)
        yield opened


async def test_c033_a_preview_opens_with_its_token_or_the_key_and_is_401_without(
    site: Site,
) -> None:
    assert (await site.get()).status_code == 401
    assert (await site.get(**{"X-Daytona-Preview-Token": "wrong"})).status_code == 401
    assert (await site.get(**{"X-Daytona-Preview-Token": site.token})).status_code == 200
    assert (await site.get(Authorization=f"Bearer {site.engine.key}")).status_code == 200
    answer = await site.get(f"/a%2Fb?x=1&DAYTONA_SANDBOX_AUTH_KEY={site.token}&y=2")
    assert answer.json()["url"] == "/a%2Fb?x=1&y=2"
    cookies = answer.headers.get_list("set-cookie")
    own = next(one for one in cookies if one.startswith("daytona-sandbox-auth="))
    assert own.startswith(f"daytona-sandbox-auth={site.token};")
    assert (await site.get(Cookie=own.split(";")[0])).status_code == 200


async def test_c033_a_public_sandbox_needs_no_token(sdk: Sdk, site: Site) -> None:
    if not hasattr(site.sandbox, "set_public"):
        return
    await sdk.do(site.sandbox.set_public, True)
    assert (await site.get()).status_code == 200


async def test_c033_the_app_sees_localhost_and_none_of_our_credentials(site: Site) -> None:
    own = f"http://{site.host}"
    seen = await site.ask(
        Authorization="Bearer apps-own",
        Cookie=f"a=1; daytona-sandbox-auth={site.token}; b=2",
        Origin=own,
        Referer=f"{own}/page",
        Connection="x-secret-hop",
        **{"X-Secret-Hop": "1", "Forwarded": "for=1.2.3.4", "X-Forwarded-For": "1.2.3.4"},
    )
    headers = seen["headers"]
    assert headers["host"] == "localhost:5173"
    assert headers["origin"] == "http://localhost:5173"
    assert headers["referer"] == "http://localhost:5173/page"
    assert headers["authorization"] == "Bearer apps-own"
    assert headers["cookie"] == "a=1; b=2"
    gone = {"x-daytona-preview-token", "x-secret-hop", "forwarded", "x-forwarded-for"}
    assert not gone & set(headers)
    with_key = await site.ask(Authorization=f"Bearer {site.engine.key}")
    assert "authorization" not in with_key["headers"]
    assert site.engine.key not in json.dumps(with_key)


async def test_c033_answers_lose_the_hops_headers_and_cookies_their_domain(site: Site) -> None:
    answer = await site.get(**{"X-Daytona-Preview-Token": site.token})
    assert answer.headers["x-kept"] == "1"
    assert "x-hop" not in answer.headers
    assert answer.headers.get_list("set-cookie") == ["app=1; Path=/"]


async def test_c033_bodies_stream_both_ways(site: Site) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 10_000

    headers = {"Host": site.host, "X-Daytona-Preview-Token": site.token}
    answer = await site.client.post("/post", content=chunks(), headers=headers)
    assert (answer.json()["method"], len(answer.json()["body"])) == ("POST", 500_000)
    answer = await site.client.put("/put", content=b"y" * 70_000, headers=headers)
    assert answer.json()["body"] == "y" * 70_000
    async with site.client.stream("GET", "/slow", headers=headers) as stream:
        parts = [part async for part in stream.aiter_raw()]
    assert parts == [b"first", b"second"]
    head = await site.client.head("/", headers=headers)
    assert (head.status_code, head.content) == (200, b"")


async def test_c033_both_lengths_at_once_are_refused(site: Site) -> None:
    port = httpx.URL(site.engine.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST / HTTP/1.1\r\nHost: {site.host}\r\nX-Daytona-Preview-Token: {site.token}\r\n"
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode()
    )
    status = await reader.readline()
    writer.close()
    assert b" 400 " in status


async def test_a_port_without_a_listener_is_502_and_a_stopped_sandbox_400(
    sdk: Sdk, site: Site
) -> None:
    token = {"X-Daytona-Preview-Token": site.token}
    nobody = await site.get(host=site.host.replace("5173", "5999"), **token)
    assert (nobody.status_code, nobody.json()["source"]) == (502, "DAYTONA_PROXY")
    unknown = await site.get(host=f"5173-{uuid.uuid4()}.localhost", **token)
    assert unknown.status_code == 404
    await sdk.do(site.sandbox.stop)
    stopped = await site.get(Authorization=f"Bearer {site.engine.key}")
    assert stopped.status_code == 400
    await sdk.do(site.sandbox.start)
    assert (await site.get(**token)).status_code == 401  # the token has changed


async def test_c055_websockets_pass_both_ways_with_their_protocol_and_close_code(
    site: Site,
) -> None:
    url = f"ws://{site.host}/hmr?token=x"
    port = httpx.URL(site.engine.url).port
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "subprotocols": ["vite-hmr"],
        "origin": f"http://{site.host}",
        "proxy": None,
    }
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, **options)
    assert caught.value.response.status_code == 401
    headers = {"X-Daytona-Preview-Token": site.token}
    async with connect(url, additional_headers=headers, **options) as socket:
        assert socket.subprotocol == "vite-hmr"
        seen = json.loads(await socket.recv())
        assert seen["host"] == "localhost:5173"
        assert seen["origin"] == "http://localhost:5173"
        assert "x-daytona-preview-token" not in seen
        await socket.send("anything")
        await socket.wait_closed()
        assert socket.close_code == 4001


async def test_c055_a_preview_is_no_activity(sdk: Sdk, site: Site) -> None:
    await sdk.do(site.sandbox.refresh_data)
    before = site.sandbox.last_activity_at
    await asyncio.sleep(0.01)
    await site.ask()
    await sdk.do(site.sandbox.refresh_data)
    assert site.sandbox.last_activity_at == before


async def test_c053_a_signed_address_opens_one_port_until_it_expires(sdk: Sdk, site: Site) -> None:
    signed = await sdk.do(site.sandbox.create_signed_preview_url, 5173, 1)
    host = signed.url.removeprefix("http://")
    assert (await site.get(host=host)).status_code == 200
    assert (await site.get(host=host.replace("5173", "5174"))).status_code == 404
    assert (await site.get(**{"X-Daytona-Preview-Token": signed.token})).status_code == 401
    await asyncio.sleep(1.1)
    assert (await site.get(host=host)).status_code == 404
    again = await sdk.do(site.sandbox.create_signed_preview_url, 5173)
    host = again.url.removeprefix("http://")
    assert (await site.get(host=host)).status_code == 200
    await sdk.do(site.sandbox.expire_signed_preview_url, 5173, again.token)
    assert (await site.get(host=host)).status_code == 404
