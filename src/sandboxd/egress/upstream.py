"""Fetch from the registries: only GET and HEAD, TLS verified, through the host's own proxy if it has one."""

import os
import ssl
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self, cast
from urllib.parse import urljoin, urlsplit

import httpcore

from sandboxd.egress.addresses import (
    Address,
    AddressRefused,
    Judge,
    Resolve,
    is_public,
    resolve,
)

CONNECTIONS = 32
_REDIRECTS = 5
_TIMEOUTS = {"connect": 10.0, "read": 60.0, "write": 30.0, "pool": 120.0}
_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_BUNDLE_NAMES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class Answer:
    """A registry's answer. `url` is where it came from in the end, `chunks` the body as it was sent."""

    status: int
    headers: Mapping[str, str]
    url: str
    chunks: AsyncIterator[bytes]


class Unreachable(ConnectionError):
    """The registry did not answer, or not as a registry does."""


class Upstream:
    """Connections to the registries, kept open between requests.

    `registries` are their hosts, which the operator configured and which may be anywhere. Other hosts, named
    by links and redirects, must be on the internet, unless a registry itself is not: a mirror in a closed
    network keeps its files there too.
    """

    def __init__(
        self, registries: Sequence[str], *, judge: Judge = is_public, ask: Resolve = resolve
    ) -> None:
        self._dialler = _Dialler(frozenset(registries), judge, ask)
        self._pools: dict[str | None, httpcore.AsyncConnectionPool] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def fetch(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AsyncGenerator[Answer]:
        """Ask, follow redirects, and give the answer for as long as the block lasts."""
        async with AsyncExitStack() as stack:
            for _ in range(_REDIRECTS):
                response = await stack.enter_async_context(self._ask(method, url, headers))
                found = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in response.headers
                }
                if response.status not in {301, 302, 303, 307, 308} or "location" not in found:
                    yield Answer(response.status, found, url, response.aiter_stream())
                    return
                await response.aclose()
                url = _redirected(url, found["location"])
            raise Unreachable("the registry redirects without end")

    @asynccontextmanager
    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AsyncGenerator[httpcore.Response]:
        pool = await self._pool(_proxy_for(url))
        try:
            async with pool.stream(
                method,
                url,
                headers=[
                    (name.encode(), value.encode("latin-1")) for name, value in headers.items()
                ],
                extensions={"timeout": _TIMEOUTS},
            ) as response:
                yield response
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            httpcore.ProxyError,
        ) as error:
            raise Unreachable(f"the registry cannot be reached ({type(error).__name__})") from error

    async def _pool(self, proxy: str | None) -> httpcore.AsyncConnectionPool:
        if proxy not in self._pools:
            made = httpcore.AsyncConnectionPool(
                ssl_context=tls(),
                proxy=httpcore.Proxy(proxy) if proxy else None,
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS,
                keepalive_expiry=20,
                network_backend=self._dialler,
            )
            self._pools[proxy] = await self._stack.enter_async_context(made)
        return self._pools[proxy]


class _Dialler(httpcore.AsyncNetworkBackend):
    """Opens connections: to the registries and the host's own proxy, else to judged addresses."""

    def __init__(self, registries: frozenset[str], judge: Judge, ask: Resolve) -> None:
        self._registries = registries
        self._judge = judge
        self._ask = ask
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._addresses(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        addresses = await self._ask(host, port)
        ours = host in self._registries | _proxy_hosts()
        if ours or all(self._judge(address) for address in addresses):
            return addresses
        if await self._is_closed_network(port):
            return addresses
        raise AddressRefused(f"{host} is not on the internet")

    async def _is_closed_network(self, port: int) -> bool:
        for registry in self._registries:
            if not all(self._judge(address) for address in await self._ask(registry, port)):
                return True
        return False

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


@cache
def tls() -> ssl.SSLContext:
    """Verifies with what Python trusts and what this machine's settings name."""
    context = ssl.create_default_context()
    for bundle in _bundles():
        context.load_verify_locations(bundle)
    return context


def has_bundle() -> bool:
    """Whether this host has certificates to hand to machines."""
    return bool(_bundles())


def _bundles() -> list[Path]:
    named = [Path(os.environ[name]) for name in _BUNDLE_NAMES if os.environ.get(name)]
    return list(dict.fromkeys(path for path in (*named, _BUNDLE) if path.is_file()))


def _redirected(url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(target).scheme not in {"https", urlsplit(url).scheme}:
        raise Unreachable("the registry redirects to an address without TLS")
    return target


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if urllib.request.proxy_bypass(host):
        return None
    return _proxies().get(parts.scheme)


def _proxies() -> dict[str, str]:
    found = urllib.request.getproxies()
    everything = found.get("all")
    chosen = {scheme: found.get(scheme, everything) for scheme in ("http", "https")}
    return {
        scheme: proxy if "://" in proxy else f"http://{proxy}"
        for scheme, proxy in chosen.items()
        if proxy
    }


def _proxy_hosts() -> frozenset[str]:
    return frozenset(urlsplit(proxy).hostname or "" for proxy in _proxies().values())
