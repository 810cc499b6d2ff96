import socket
import ssl

import pytest
from tests.support.registry import Page, Registry, serving_registry

from sandboxd.egress.upstream import Unreachable, Upstream, has_bundle, tls


async def body(upstream: Upstream, url: str) -> tuple[int, bytes, str]:
    async with upstream.fetch("GET", url, {"accept": "*/*"}) as answer:
        data = b"".join([chunk async for chunk in answer.chunks])
        return answer.status, data, answer.url


async def test_redirects_are_followed_to_their_end(registry: Registry) -> None:
    registry.pages["/a"] = Page(b"", {"location": "/b"}, 302)
    registry.pages["/b"] = Page(b"there")
    registry.pages["/round"] = Page(b"", {"location": "/round"}, 301)
    registry.pages["/odd"] = Page(b"", {"location": "file:///etc/passwd"}, 301)
    async with Upstream(["127.0.0.1"]) as upstream:
        assert await body(upstream, f"{registry.url}/a") == (200, b"there", f"{registry.url}/b")
        for path in ("/round", "/odd"):
            with pytest.raises(Unreachable):
                await body(upstream, registry.url + path)


async def test_another_host_must_be_on_the_internet_unless_the_registry_is_not() -> None:
    async with serving_registry() as other:
        other.pages["/x"] = Page(b"private")
        async with Upstream([]) as upstream:
            with pytest.raises(Unreachable):
                await body(upstream, f"{other.url}/x")
        assert other.asked == []
        async with Upstream(["localhost"]) as upstream:  # a registry in a closed network
            assert (await body(upstream, f"{other.url}/x"))[1] == b"private"


async def test_the_hosts_own_proxy_is_used(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", registry.url)
    registry.pages["http://packages.example/x"] = Page(b"by proxy")
    async with Upstream([]) as upstream:
        assert (await body(upstream, "http://packages.example/x"))[1] == b"by proxy"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    registry.pages["/x"] = Page(b"direct")
    async with Upstream(["127.0.0.1"]) as upstream:
        assert (await body(upstream, f"{registry.url}/x"))[1] == b"direct"


async def test_nobody_there(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with Upstream(["127.0.0.1"]) as upstream:
        with pytest.raises(Unreachable):
            await body(upstream, f"http://127.0.0.1:{port}/")
        with pytest.raises(Unreachable):
            await body(upstream, f"https://127.0.0.1:{registry.port}/")
        with pytest.raises(Unreachable):
            await body(upstream, "http://no-such-name.invalid/")


def test_certificates_are_verified() -> None:
    assert tls().verify_mode is ssl.CERT_REQUIRED
    assert tls().check_hostname
    assert isinstance(has_bundle(), bool)
