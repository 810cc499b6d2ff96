"""WebSockets of previews: hot reload and whatever else the app inside speaks."""

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Origin, Subprotocol

from sandboxd.preview.request import BadGateway, Preview

MAX_MESSAGE = 16 * 1024 * 1024
_SKIP = frozenset({b"host", b"origin", b"user-agent", b"content-length"})


async def serve_websocket(preview: Preview, client: WebSocket) -> None:
    """Join the client and the app inside; the app chooses the sub-protocol, either may close."""
    app = await _connect(preview, client)
    async with app:
        await client.accept(app.subprotocol)
        async with asyncio.TaskGroup() as group:
            there = group.create_task(_to_app(client, app))
            back = group.create_task(_to_client(app, client))
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            there.cancel()
            back.cancel()


async def _connect(preview: Preview, client: WebSocket) -> ClientConnection:
    machine = preview.box.machine().machine
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in preview.headers()
        if name not in _SKIP and not name.startswith(b"sec-websocket-")
    }
    origin = next((v.decode("latin-1") for n, v in preview.headers() if n == b"origin"), None)
    agent = next((v.decode("latin-1") for n, v in preview.headers() if n == b"user-agent"), None)
    offered: list[str] = client.scope.get("subprotocols", [])
    try:
        return await connect(
            f"ws://localhost:{preview.port}{preview.target.decode('latin-1')}",
            sock=await machine.dial(preview.port),
            origin=None if origin is None else Origin(origin),
            subprotocols=[Subprotocol(name) for name in offered] or None,
            additional_headers=headers,
            user_agent_header=agent,
            compression=None,
            ping_interval=None,
            max_size=MAX_MESSAGE,
            proxy=None,
        )
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise BadGateway(f"No WebSocket on port {preview.port} in the sandbox") from error


async def _to_app(client: WebSocket, app: ClientConnection) -> None:
    while True:
        message = await client.receive()
        if message["type"] == "websocket.disconnect":
            await app.close(_code(message.get("code", 1000)))
            return
        data = message.get("text")
        try:
            await app.send(message["bytes"] if data is None else data)
        except ConnectionClosed:
            return


async def _to_client(app: ClientConnection, client: WebSocket) -> None:
    try:
        async for message in app:
            if isinstance(message, str):
                await client.send_text(message)
            else:
                await client.send_bytes(message)
        await client.close(_code(app.close_code), app.close_reason)
    except ConnectionClosed:
        await client.close(_code(app.close_code), app.close_reason)
    except (WebSocketDisconnect, RuntimeError):
        return  # the client has left


def _code(code: int | None) -> int:
    """A code that may be sent: 1005 and its like only say that there was none."""
    return (
        code
        if code is not None
        and (code in {1000, 1001, 1003} or 1007 <= code < 1015 or 3000 <= code < 5000)
        else 1000
    )
