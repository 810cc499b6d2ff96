"""The only way out of a machine: a server that listens inside it, on 127.0.0.1, and runs out here.

It is the machine's HTTP proxy and its npm and PyPI registry at once. Registries can only be read; other names
must have been allowed; nothing else is even resolved.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import h11

from sandboxd.egress.addresses import Judge, Resolve, is_public, resolve
from sandboxd.egress.budget import Budget, BudgetSpent
from sandboxd.egress.client import Client, Headers
from sandboxd.egress.readthrough import ReadThrough, Refused
from sandboxd.egress.tunnel import AllowList, Tunnels
from sandboxd.egress.upstream import Unreachable, Upstream, has_bundle
from sandboxd.registries import Registries

EGRESS_PORT = 3128  # inside the machine
CONNECTIONS = 64  # at once, per machine
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"  # where a machine finds the host's bundle

logger = logging.getLogger(__name__)


class Egress:
    """What machines may reach. `allow` are names beyond the registries: `host` or `*.domain`.

    `judge` and `ask` are there for tests: which addresses are fine, and who resolves names.
    """

    def __init__(
        self,
        registries: Registries,
        allow: Sequence[str] = (),
        *,
        judge: Judge = is_public,
        ask: Resolve = resolve,
    ) -> None:
        self._registries = registries
        self._allowed = AllowList.of(allow)
        self._judge = judge
        self._ask = ask

    async def serve(self, listener: socket.socket, sandbox_id: str) -> None:
        """Serve one machine on its listening socket until cancelled; the caller closes the socket."""
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        budget = Budget(asyncio.get_running_loop().time)
        tunnels = Tunnels(self._allowed, budget, judge=self._judge, ask=self._ask)
        async with Upstream(self._own_hosts(), judge=self._judge, ask=self._ask) as upstream:
            packages = ReadThrough(self._registries, upstream, address)
            machine = _Machine(sandbox_id, address, packages, tunnels, budget)
            await machine.accept(listener)

    def env(self, port: int = EGRESS_PORT) -> dict[str, str]:
        """The variables that lead a machine's programs here."""
        here = f"http://127.0.0.1:{port}"
        nearby = "127.0.0.1,localhost,::1"
        packages = {
            "npm_config_registry": f"{here}/npm/",
            "npm_config_replace_registry_host": "always",
            "npm_config_audit": "false",
            "npm_config_fund": "false",
            "npm_config_update_notifier": "false",
            "PIP_INDEX_URL": f"{here}/pypi/simple/",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_BREAK_SYSTEM_PACKAGES": "1",  # /usr is read-only: it goes to the user's own folder
            "UV_DEFAULT_INDEX": f"{here}/pypi/simple/",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), here)
        names = (
            "SSL_CERT_FILE",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
        )
        certificates = dict.fromkeys(names, CERTIFICATES) if has_bundle() else {}
        return {
            **proxy,
            "NO_PROXY": nearby,
            "no_proxy": nearby,
            "NODE_USE_ENV_PROXY": "1",
            **packages,
            **certificates,
        }

    def _own_hosts(self) -> list[str]:
        addresses = (self._registries.npm, self._registries.pypi)
        return [host for address in addresses if (host := urlsplit(address).hostname)]


class _Machine:
    """The connections of one machine."""

    def __init__(
        self, name: str, address: str, packages: ReadThrough, tunnels: Tunnels, budget: Budget
    ) -> None:
        self._name = name
        self._address = address
        self._packages = packages
        self._tunnels = tunnels
        self._budget = budget
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as connections:
            while True:
                await self._free.acquire()  # the ones beyond wait in the socket's queue
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError as error:
                    self._free.release()
                    if listener.fileno() < 0:
                        raise
                    logger.warning("egress cannot accept", extra={"reason": str(error)})
                    await asyncio.sleep(0.1)
                    continue
                connections.create_task(self._converse(connection))

    async def _converse(self, connection: socket.socket) -> None:
        """Answer one connection's requests; whatever goes wrong in it ends it alone."""
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
            client = Client(reader, writer)
            try:
                while (request := await client.request()) and await self._answer(client, request):
                    pass
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        except* (OSError, TimeoutError, h11.ProtocolError) as ends:
            logger.debug("egress connection ended", extra={"reason": repr(ends.exceptions[0])})
        except* Exception:
            logger.exception("egress connection failed", extra={"sandbox": self._name})
        finally:
            self._free.release()

    async def _answer(self, client: Client, request: h11.Request) -> bool:
        """Serve one request; whether another may follow on the connection."""
        method, target = request.method.decode("latin-1"), request.target.decode("latin-1")
        if method == "CONNECT":
            await self._tunnels.connect(client, target)
            return False
        if target.startswith(f"{self._address}/"):  # asked as a proxy for ourselves
            target = target[len(self._address) :]
        if not target.startswith("/"):
            await self._tunnels.forward(client, request, target)
            return False
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers
        }
        try:
            await self._packages.answer(method, target, headers, _Counted(client, self._budget))
        except Refused as refusal:
            await client.refuse(refusal.status, refusal.sentence)
        except BudgetSpent as spent:
            await client.refuse(429, str(spent))
        except Unreachable as unreachable:
            await client.refuse(502, f"{unreachable}.")
        return True


class _Counted:
    """The client, with every byte counted before it is sent."""

    def __init__(self, client: Client, budget: Budget) -> None:
        self._client = client
        self._budget = budget

    async def start(self, status: int, headers: Headers) -> None:
        self._budget.spend(1)
        await self._client.start(status, headers)

    async def send(self, data: bytes) -> None:
        self._budget.spend(len(data))
        await self._client.send(data)

    async def end(self) -> None:
        await self._client.end()
