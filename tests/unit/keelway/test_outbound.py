"""TRUST.md T23: an address that leads inside is not fetched, however it is spelled."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_address

import httpx
import pytest

from keelway import outbound
from keelway.outbound import NotOutbound, check_url, client, fetch, is_public

INSIDE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user:pass@example.com/",
        "https://example.com:8443/",
        "https:///x",
    ],
)
def test_an_odd_address_is_refused(url: str) -> None:
    with pytest.raises(NotOutbound):
        check_url(httpx.URL(url), operator=False)


@pytest.fixture
async def inside() -> AsyncIterator[int]:
    """A web server on loopback with a secret."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_the_operators_own_address_may_be_inside(inside: int) -> None:
    assert await fetch(f"http://127.0.0.1:{inside}/", operator=True) == b"secret"
    with pytest.raises(NotOutbound, match="larger"):
        await fetch(f"http://127.0.0.1:{inside}/", operator=True, limit=3)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_anybody_elses_address_may_not(host: str) -> None:
    async with client(operator=False) as opened:
        with pytest.raises((NotOutbound, httpx.ConnectError)):
            await opened.get(f"https://{host}/")


async def test_a_name_is_resolved_once_and_every_address_must_be_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.215.14", "127.0.0.1"]

    monkeypatch.setattr(outbound, "resolve", rebinding)
    async with client(operator=False) as opened:
        with pytest.raises(NotOutbound, match="open internet"):
            await opened.get("https://rebinding.example/")
    assert asked == ["rebinding.example"]


async def test_a_redirect_is_an_answer_not_a_journey() -> None:
    async with client(operator=True) as opened:
        assert not opened.follow_redirects
