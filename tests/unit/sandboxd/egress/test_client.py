import asyncio
import time

import pytest
from tests.support.registry import Page, Registry, serving_egress, talk

from sandboxd.egress import Egress

GET = b"GET /npm/zod HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_several_requests_on_one_connection(registry: Registry) -> None:
    registry.pages["/npm/zod"] = Page(b"{}", {"content-type": "application/json"})
    async with serving_egress(Egress(registry.registries)) as port:
        last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        answers = await talk(port, GET + GET + last)
    assert answers.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize(
    "request_text",
    [
        b"nonsense\r\n\r\n",
        b"GET /npm/zod HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\nHost: x\r\n\r\nabc",
        b"GET /npm/zod HTTP/1.1\r\n\r\n",
        b"GET /npm/zod HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /npm/zod HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 1_100_000,
    ],
)
async def test_a_broken_request_ends_its_connection_alone(
    request_text: bytes, registry: Registry
) -> None:
    async with serving_egress(Egress(registry.registries)) as port:
        try:
            answer = await talk(port, request_text + b"\r\n\r\n" * 3)
        except ConnectionError:
            answer = b""
        assert not answer.startswith(b"HTTP/1.1 2")
        assert registry.asked == []
        last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        assert (await talk(port, last)).startswith(b"HTTP/1.1 404")


async def test_headers_that_never_end_are_given_up(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandboxd.egress.client.HEADERS_SECONDS", 0.2)
    monkeypatch.setattr("sandboxd.egress.client.IDLE_SECONDS", 0.2)
    async with serving_egress(Egress(registry.registries)) as port:
        for beginning in (b"GET /npm/zod HTTP/1.1\r\nHost:", b""):
            begun = time.monotonic()
            await talk(port, beginning)
            assert time.monotonic() - begun < 2


async def test_a_reader_that_stalls_is_given_up_with_bounded_memory(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandboxd.egress.client.STALL_SECONDS", 0.3)
    registry.pages["/npm/big/-/big-1.tgz"] = Page(b"x" * 50_000_000)
    async with serving_egress(Egress(registry.registries)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /npm/big/-/big-1.tgz HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(1)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        got = await reader.read(-1)
        writer.close()
    assert len(got) < 50_000_000
