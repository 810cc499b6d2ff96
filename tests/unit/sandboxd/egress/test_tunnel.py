import ipaddress
from collections.abc import Sequence

import pytest
from tests.support.registry import Page, Registry, serving_egress, talk

from sandboxd.egress import Egress
from sandboxd.egress.addresses import Address
from sandboxd.egress.tunnel import AllowList
from sandboxd.registries import Registries

NONE = Registries("", "")


class Names:
    """A resolver that counts, and that may change its mind as a rebinding one does."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(text)]


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> int:
    """Let the test's own port count as one of the web's."""
    monkeypatch.setattr("sandboxd.egress.tunnel._PORTS", frozenset({80, 443, registry.port}))
    registry.pages["/x?y=1"] = Page(b"reached")
    return registry.port


def connect(host: str, port: int) -> bytes:
    inner = "GET /x?y=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n\r\n{inner}".encode()


def test_the_allow_list_knows_names_and_what_is_below_them() -> None:
    allowed = AllowList.of(["API.example", "*.cdn.example", " plain.example. "])
    for name in ("api.example", "API.EXAMPLE.", "a.b.cdn.example", "plain.example"):
        assert allowed.permits(name)
    for name in ("", "x.api.example", "cdn.example", "evilcdn.example", "example", "127.0.0.1"):
        assert not allowed.permits(name)
    assert not AllowList.of([]).permits("")


async def test_unlisted_names_are_refused_and_never_resolved(ports: int) -> None:
    names = Names("127.0.0.1")
    secret = "c2VjcmV0.evil.example"
    async with serving_egress(Egress(NONE, ask=names, judge=lambda _: True)) as port:
        for request in (
            connect(secret, ports),
            f"GET http://{secret}/ HTTP/1.1\r\nHost: {secret}\r\nConnection: close\r\n\r\n".encode(),
            connect("169.254.169.254", 80),
            b"CONNECT [::1]:80 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT nonsense HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT x:99999999 HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            assert (await talk(port, request)).startswith(b"HTTP/1.1 403")
    assert names.asked == []


async def test_an_allowed_name_is_joined_to_its_server(ports: int) -> None:
    """The control of all the refusals below: with nothing judged, the same requests arrive."""
    egress = Egress(NONE, ["shop.example"], ask=Names("127.0.0.1"), judge=lambda _: True)
    async with serving_egress(egress) as port:
        assert b"reached" in await talk(port, connect("shop.example", ports))
        plain = f"GET http://shop.example:{ports}/x?y=1 HTTP/1.1\r\nHost: evil\r\n\r\n"
        assert b"reached" in await talk(port, plain.encode())


async def test_an_allowed_name_that_leads_to_a_private_address_is_refused(
    ports: int, registry: Registry
) -> None:
    for address in ("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"):
        egress = Egress(NONE, ["shop.example"], ask=Names(address))
        async with serving_egress(egress) as port:
            assert (await talk(port, connect("shop.example", ports))).startswith(b"HTTP/1.1 403")
    assert registry.asked == []


async def test_a_name_is_resolved_once_and_its_judged_address_is_dialled(
    ports: int, registry: Registry
) -> None:
    """DNS rebinding: a fine answer to be judged, then one that leads home to be dialled."""
    names = Names("127.0.0.2", "127.0.0.1")
    egress = Egress(NONE, ["shop.example"], ask=names, judge=lambda it: str(it) == "127.0.0.2")
    async with serving_egress(egress) as port:
        answer = await talk(port, connect("shop.example", ports))
    assert answer.startswith(b"HTTP/1.1 502"), "nobody listens on the judged address"
    assert names.asked == ["shop.example"]
    assert registry.asked == []


async def test_only_the_webs_ports(registry: Registry) -> None:
    names = Names("127.0.0.1")
    egress = Egress(NONE, ["shop.example"], ask=names, judge=lambda _: True)
    async with serving_egress(egress) as port:
        for closed in (22, 25, registry.port):
            answer = await talk(port, connect("shop.example", closed))
            assert answer.startswith(b"HTTP/1.1 403")
    assert names.asked == []


async def test_a_forwarded_request_keeps_its_body_and_loses_its_proxy_headers(
    ports: int, registry: Registry
) -> None:
    egress = Egress(NONE, ["shop.example"], ask=Names("127.0.0.1"), judge=lambda _: True)
    async with serving_egress(egress) as port:
        for body in (
            b"Content-Length: 3\r\n\r\nabc",
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ):
            head = f"POST http://shop.example:{ports}/x?y=1 HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: k\r\n"
            assert b"reached" in await talk(port, head.encode() + body)
    for method, target, headers in registry.asked:
        assert (method, target) == ("POST", "/x?y=1")
        assert headers["host"] == f"shop.example:{ports}"
        assert "proxy-authorization" not in headers


async def test_a_server_that_is_not_there_is_502() -> None:
    egress = Egress(NONE, ["shop.example"], ask=Names("127.0.0.1"), judge=lambda _: True)
    async with serving_egress(egress) as port:
        assert (await talk(port, connect("shop.example", 443))).startswith(b"HTTP/1.1 502")
