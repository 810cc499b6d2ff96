"""The one way out for what the server itself fetches (TRUST.md T23).

A name is resolved once, every address it has must be public, and that address is dialled: a name that answers
differently the second time gains nothing. No redirects, no proxy from the environment, bounded answers.
Addresses the operator wrote into the settings may be on this machine or its network.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx

from keelway.errors import Invalid

ANSWER_BYTES = 8 << 20
SECONDS = httpx.Timeout(90, connect=15)

TRANSLATED = ip_network("64:ff9b::/96")
"""NAT64: an IPv4 address in IPv6 clothes."""

Address = IPv4Address | IPv6Address


class NotOutbound(Invalid):
    """The server does not fetch from there."""


def is_public(address: Address) -> bool:
    """Whether the address, and any IPv4 address hidden in it, belongs to the open internet."""
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in TRANSLATED:
            inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
        if not all(is_public(one) for one in inner if one is not None):
            return False
    return address.is_global and not address.is_multicast


def check_url(url: httpx.URL, *, operator: bool) -> None:
    """Raises NotOutbound for a scheme, port or user that nobody needs."""
    if url.scheme not in (("http", "https") if operator else ("https",)):
        raise NotOutbound("Only https addresses are fetched.")
    if url.userinfo:
        raise NotOutbound("An address may not carry a user name.")
    if not operator and url.port not in (None, 443):
        raise NotOutbound("Only the usual port is used.")
    if not url.host:
        raise NotOutbound("The address names no host.")


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name. Raises httpx.ConnectError when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpx.ConnectError(f"{host} is not known.") from error
    return [str(entry[4][0]) for entry in found]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Dials the address that was checked. `operator`: the address comes from the settings."""

    def __init__(self, *, operator: bool) -> None:
        self.operator = operator
        self.inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        check_url(request.url, operator=self.operator)
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await resolve(host, port)
        if not self.operator and not all(is_public(ip_address(one)) for one in addresses):
            raise NotOutbound(f"{host} is not on the open internet.")
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=addresses[0])
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


@asynccontextmanager
async def client(*, operator: bool) -> AsyncGenerator[httpx.AsyncClient]:
    """An HTTP client that goes nowhere else."""
    transport = PinnedTransport(operator=operator)
    async with httpx.AsyncClient(transport=transport, timeout=SECONDS) as opened:
        yield opened


async def fetch(url: str, *, operator: bool, limit: int = ANSWER_BYTES) -> bytes:
    """The body of a GET, at most `limit` bytes. Raises NotOutbound, httpx.HTTPError."""
    async with client(operator=operator) as opened, opened.stream("GET", url) as answer:
        answer.raise_for_status()
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > limit:
                raise NotOutbound(f"The answer is larger than {limit} bytes.")
        return bytes(body)
