"""The app's page, asked over real HTTP."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from keelway.sandboxes.sandbox import PreviewLink
from keelway.workspaces import preview
from keelway.workspaces.preview import SILENT, target

Serve = Callable[[str, dict[str, str]], tuple[int, str, str]]


@asynccontextmanager
async def serving(answer: Serve) -> AsyncGenerator[PreviewLink]:
    """A small HTTP server; `answer` maps path and headers to status, type and body."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        status, kind, body = answer(head[0].split()[1], headers)
        data = body.encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + data
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield PreviewLink(f"http://5173-box.localhost:{port}", "secret")


def test_a_name_below_localhost_is_this_machine() -> None:
    url, headers = target(PreviewLink("http://5173-box.localhost:4000", "t"), "/x?y=1")
    assert url == "http://127.0.0.1:4000/x?y=1"
    assert headers["Host"] == "5173-box.localhost:4000"
    url, headers = target(PreviewLink("https://5173-box.proxy.example", "t"))
    assert (url, headers["Host"]) == ("https://5173-box.proxy.example/", "5173-box.proxy.example")


async def test_the_token_goes_with_the_question_and_the_page_comes_back() -> None:
    def answer(path: str, headers: dict[str, str]) -> tuple[int, str, str]:
        assert headers["x-daytona-preview-token"] == "secret"
        assert headers["host"].startswith("5173-box.localhost:")
        return 200, "text/html", f"<h1>{path}</h1>"

    async with serving(answer) as link:
        found = await preview.ask(link, "/about")
    assert (found.ok, found.status, found.body) == (True, 200, "<h1>/about</h1>")


async def test_the_engines_own_answer_is_silence_and_the_apps_is_not() -> None:
    engine = json.dumps({"statusCode": 502, "message": "x", "source": "DAYTONA_PROXY"})
    async with serving(lambda _path, _headers: (502, "application/json", engine)) as link:
        assert await preview.ask(link) == SILENT
    async with serving(lambda _path, _headers: (404, "text/html", "no page")) as link:
        found = await preview.ask(link)
    assert (found.status, found.ok) == (404, False)
    assert await preview.ask(link) == SILENT


async def test_waiting_ends_with_the_first_good_answer() -> None:
    count = 0

    def answer(_path: str, _headers: dict[str, str]) -> tuple[int, str, str]:
        nonlocal count
        count += 1
        return (200 if count > 3 else 503), "text/html", "page"

    async with serving(answer) as link:
        found = await preview.wait(link, seconds=5)
        assert (found.status, count) == (200, 4)
        count = -1000
        assert (await preview.wait(link, seconds=0.2)).status == 503


async def test_a_broken_module_is_found_behind_a_page_that_answers() -> None:
    pages = {
        "/": (200, '<script type="module" src="/src/main.tsx"></script>'),
        "/src/main.tsx": (200, 'import { App } from "/src/App.tsx?t=1"; import "/src/x.css"'),
        "/src/x.css": (200, ""),
        "/src/App.tsx?t=1": (500, '{"message": "Unexpected token\\n at 3:1"}'),
    }

    def answer(path: str, _headers: dict[str, str]) -> tuple[int, str, str]:
        status, body = pages[path]
        return status, "text/javascript", body

    async with serving(answer) as link:
        page = await preview.ask(link)
        broken = await preview.broken_module(link, page.body)
        assert broken == "/src/App.tsx: HTTP 500. Unexpected token\n at 3:1"
        pages["/src/App.tsx?t=1"] = (200, "")
        assert await preview.broken_module(link, page.body) is None
