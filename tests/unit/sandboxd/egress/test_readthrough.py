import gzip
import json

import httpx
import pytest
from tests.support.registry import Page, Registry, serving_egress, serving_registry, talk

from sandboxd.egress import Egress
from sandboxd.egress.addresses import Address
from sandboxd.registries import Registries

JSON = {"content-type": "application/json", "etag": '"v1"'}


def package(registry: Registry, tarball: str) -> Page:
    return Page(json.dumps({"versions": {"1.0.0": {"dist": {"tarball": tarball}}}}).encode(), JSON)


async def test_a_package_and_its_tarball_come_through_us(
    registry: Registry, inside: httpx.AsyncClient
) -> None:
    registry.pages["/npm/zod"] = package(registry, f"{registry.url}/npm/zod/-/zod-1.0.0.tgz")
    registry.pages["/npm/zod/-/zod-1.0.0.tgz"] = Page(
        b"\x1f\x8b tar", {"content-type": "application/octet-stream"}
    )
    wish = "application/vnd.npm.install-v1+json"
    page = await inside.get("/npm/zod", headers={"Accept": wish, "Authorization": "Bearer secret"})
    assert page.headers["etag"] == '"v1"'
    link = page.json()["versions"]["1.0.0"]["dist"]["tarball"]
    assert link == f"{inside.base_url}/npm/zod/-/zod-1.0.0.tgz"
    tarball = await inside.get(link)
    assert tarball.content == b"\x1f\x8b tar"
    assert tarball.headers["content-length"] == "6"
    assert registry.asked[0][2]["accept"] == wish
    assert not any("authorization" in headers for _, _, headers in registry.asked)


async def test_compressed_pages_are_rewritten_too(
    registry: Registry, inside: httpx.AsyncClient
) -> None:
    plain = package(registry, f"{registry.url}/npm/@a/b/-/b-1.tgz")
    filler = json.dumps("x" * 3_000_000).encode()
    text = plain.body[:-1] + b', "readme": ' + filler + b"}"
    registry.pages["/npm/@a%2fb"] = Page(gzip.compress(text), {**JSON, "content-encoding": "gzip"})
    page = (await inside.get("/npm/@a%2fb")).json()
    assert page["versions"]["1.0.0"]["dist"]["tarball"] == f"{inside.base_url}/npm/@a/b/-/b-1.tgz"
    assert len(page["readme"]) == 3_000_000


async def test_files_on_another_host_are_found_by_their_page_alone(
    registry: Registry, inside: httpx.AsyncClient
) -> None:
    async with serving_registry() as files:
        files.pages["/deep/x-1.0.0.tgz?k=1"] = Page(b"tar")
        registry.pages["/npm/x"] = package(
            registry, f"http://localhost:{files.port}/deep/x-1.0.0.tgz?k=1"
        )
        assert (await inside.get("/npm/x/-/x-1.0.0.tgz")).content == b"tar", "page not seen before"
        link = (await inside.get("/npm/x")).json()["versions"]["1.0.0"]["dist"]["tarball"]
        assert link == f"{inside.base_url}/npm/x/-/x-1.0.0.tgz"
        assert (await inside.get(link)).content == b"tar"
        assert (await inside.get("/npm/x/-/x-2.0.0.tgz")).status_code == 404


@pytest.mark.parametrize("kind", ["html", "json"])
async def test_the_index_and_its_files(
    kind: str, registry: Registry, inside: httpx.AsyncClient
) -> None:
    async with serving_registry() as files:
        away = f"http://127.0.0.1:{files.port}/ab/cd/six-1-py3-none-any.whl"
        files.pages["/ab/cd/six-1-py3-none-any.whl"] = Page(b"wheel")
        files.pages["/ab/cd/six-1-py3-none-any.whl.metadata"] = Page(b"meta")
        registry.pages["/simple/six/"] = (
            Page(f'<a href="{away}#sha256=1">six</a>'.encode(), {"content-type": "text/html"})
            if kind == "html"
            else Page(json.dumps({"files": [{"url": away}]}).encode(), JSON)
        )
        ours = f"{inside.base_url}/pypi/files/six/six-1-py3-none-any.whl"
        assert (await inside.get(f"{ours}.metadata")).content == b"meta", "page not seen before"
        page = await inside.get("/pypi/simple/Six/")
        assert (ours + ("#sha256=1" if kind == "html" else "")) in page.text
        assert away not in page.text
        assert (await inside.get(ours)).content == b"wheel"
        assert (await inside.get("/pypi/files/six/other.whl")).status_code == 404
        assert (await inside.get("/pypi/simple/")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/npm/stolen"),
        ("POST", "/npm/-/npm/v1/security/advisories/bulk"),
        ("POST", "/npm/-/npm/v1/security/audits/quick"),
        ("DELETE", "/npm/zod/-rev/1"),
        ("PATCH", "/pypi/simple/six/"),
        ("POST", "/pypi/legacy/"),
    ],
)
async def test_nothing_can_be_published(
    method: str, path: str, registry: Registry, inside: httpx.AsyncClient
) -> None:
    refused = await inside.request(method, path, content=b"x" * 200_000)
    assert refused.status_code == 403
    assert "published" in refused.json()["error"]
    assert (await inside.get("/npm/none")).status_code == 404, "the connection goes on"
    assert [target for _, target, _ in registry.asked] == ["/npm/none"]


@pytest.mark.parametrize(
    "path",
    [
        "/npm/../secret", "/npm/a/../../secret", "/npm/%2e%2e/secret", "/npm/%2E%2e%2fsecret",
        "/npm//other.example/x", "/npm/a\\b", "/npm/..%2fsecret", "/pypi/simple/../../secret/",
    ],
)  # fmt: skip
async def test_paths_that_climb_are_refused(path: str, registry: Registry) -> None:
    registry.pages["/secret"] = Page(b"secret")
    async with serving_egress(Egress(registry.registries)) as port:
        answer = await talk(
            port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert b"secret" not in answer
    assert registry.asked == []


async def test_conditional_requests_and_ranges_pass(
    registry: Registry, inside: httpx.AsyncClient
) -> None:
    registry.pages["/npm/zod"] = Page(b"", JSON, status=304)
    registry.pages["/npm/zod/-/zod-1.tgz"] = Page(b"ar", {"content-range": "bytes 1-2/3"}, 206)
    assert (await inside.get("/npm/zod", headers={"If-None-Match": '"v1"'})).status_code == 304
    part = await inside.get("/npm/zod/-/zod-1.tgz", headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"ar")
    assert registry.asked[0][2]["if-none-match"] == '"v1"'
    assert registry.asked[1][2]["range"] == "bytes=1-2"
    head = await inside.head("/npm/zod/-/zod-1.tgz")
    assert (head.status_code, head.content) == (206, b"")


async def test_a_page_that_names_a_private_address_does_not_lead_there() -> None:
    """A registry on the internet whose page names somebody's router. Control: the same, judged public."""
    async with serving_registry() as registry, serving_registry() as router:
        router.pages["/x-1.tgz"] = Page(b"of the router")
        registry.pages["/npm/x"] = package(registry, f"http://localhost:{router.port}/x-1.tgz")
        pretend = {"127.0.0.1": True, "::1": False}
        for open_to_all in (True, False):

            def judge(address: Address, everything: bool = open_to_all) -> bool:
                return everything or pretend[str(address)]

            async with (
                serving_egress(
                    Egress(registry.registries, judge=judge, ask=loopback_names)
                ) as port,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
            ):
                answer = await client.get("/npm/x/-/x-1.tgz")
            assert (answer.content == b"of the router") is open_to_all
            assert answer.status_code == (200 if open_to_all else 502)
    assert len(router.asked) == 1


async def loopback_names(host: str, port: int) -> list[Address]:
    """`localhost` leads to both, so that one of them can be judged private."""
    import ipaddress

    names = {"127.0.0.1": ["127.0.0.1"], "localhost": ["127.0.0.1", "::1"]}
    return [ipaddress.ip_address(text) for text in names[host]]


async def test_without_npm_or_pip_on_the_host_it_says_so() -> None:
    async with (
        serving_egress(Egress(Registries("", ""))) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        for path, tool in (("/npm/zod", "npm"), ("/pypi/simple/six/", "pip")):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert tool in answer.json()["error"]


async def test_a_registry_that_is_down_is_502(registry: Registry) -> None:
    gone = Registries("http://127.0.0.1:9/npm/", "http://127.0.0.1:9/simple/")
    async with (
        serving_egress(Egress(gone)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        answer = await client.get("/npm/zod")
    assert answer.status_code == 502
    assert "127.0.0.1:9" not in answer.text
