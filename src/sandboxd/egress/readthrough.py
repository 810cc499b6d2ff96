"""npm's registry and PyPI's index as a machine sees them: under our own address, to read and nothing else.

`/npm/…` is the registry with the same paths. `/pypi/simple/<project>/` is the index; the files that its pages
name are `/pypi/files/<project>/<file name>`. Only addresses that a page of the registry itself has named are
ever fetched; none can be made up inside.
"""

import re
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from sandboxd.egress import links
from sandboxd.egress.client import Headers
from sandboxd.egress.upstream import Answer, Upstream
from sandboxd.registries import Registries

_KNOWN_FILES = 100_000  # (project, file) pairs remembered per machine, some 30 MB
_ASKED = ("accept", "if-none-match", "if-modified-since", "range", "if-range")
_TOLD = (
    "content-type", "etag", "last-modified", "cache-control", "content-range", "accept-ranges",
    "vary", "x-pypi-last-serial", "retry-after",
)  # fmt: skip
_AGENT = "sandboxd"
_NPM_FILE = re.compile(r"((?:@[^/]+/)?[^/@][^/]*)/-/([^/]+)")
_PYPI_PROJECT = re.compile(r"simple/([A-Za-z0-9._-]+)/?")
_PYPI_FILE = re.compile(r"files/([a-z0-9-]+)/([^/]+)")


class Refused(Exception):
    """The request is not one for reading packages; the sentence says so to whoever asked."""

    def __init__(self, sentence: str, status: int = 403) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class Out(Protocol):
    """Where an answer goes."""

    async def start(self, status: int, headers: Headers) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self) -> None: ...


class ReadThrough:
    """One machine's view of the registries. `address` is how the machine reaches us."""

    def __init__(self, registries: Registries, upstream: Upstream, address: str) -> None:
        self._registries = registries
        self._upstream = upstream
        self._address = address
        self._files: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def answer(self, method: str, target: str, headers: Mapping[str, str], out: Out) -> None:
        """Fetch what the request is for and pass it on as it arrives.

        Raises `Refused`, and `Unreachable` before anything was sent when the registry is.
        """
        if method not in {"GET", "HEAD"}:
            raise Refused("Packages can be read here, not published or audited.")
        path, query = _checked(target)
        asked = {name: headers[name] for name in _ASKED if name in headers}
        if path.startswith("/npm/"):
            await self._npm(method, path[len("/npm/") :] + query, asked, out)
        elif path.startswith("/pypi/"):
            await self._pypi(method, path[len("/pypi/") :], asked, out)
        else:
            raise Refused("There are only /npm/ and /pypi/ here.", 404)

    async def _npm(self, method: str, path: str, asked: dict[str, str], out: Out) -> None:
        base = _known(self._registries.npm, "npm")
        file = _NPM_FILE.fullmatch(path)
        if file is None:
            await self._page(method, base + path, asked, links.NPM, self._npm_link(path), out)
            return
        package, name = file[1].replace("%2f", "/").replace("%2F", "/"), file[2]
        url = self._files.get((package, name), base + path)
        async with self._upstream.fetch(method, url, _plain(asked)) as answer:
            if answer.status != 404:
                await _pass(answer, out)
                return
        url = await self._look_up(package, name, base + package.replace("/", "%2f"), links.NPM)
        async with self._upstream.fetch(method, url, _plain(asked)) as answer:
            await _pass(answer, out)

    def _npm_link(self, package: str) -> links.Replace:
        base = urlsplit(self._registries.npm)
        package = package.replace("%2f", "/").replace("%2F", "/")

        def replace(link: str) -> str:
            parts = urlsplit(link)
            if parts.hostname == base.hostname and parts.path.startswith(base.path):
                return f"{self._address}/npm/{parts.path[len(base.path) :]}"
            name = parts.path.rpartition("/")[2]
            self._remember(package, name, link)
            return f"{self._address}/npm/{package}/-/{name}"

        return replace

    async def _pypi(self, method: str, path: str, asked: dict[str, str], out: Out) -> None:
        base = _known(self._registries.pypi, "pip")
        if page := _PYPI_PROJECT.fullmatch(path):
            project = _normalised(page[1])
            url = f"{base}{project}/"
            await self._page(method, url, asked, None, self._pypi_link(project, url), out)
        elif file := _PYPI_FILE.fullmatch(path):
            url = await self._pypi_file(base, file[1], file[2])
            async with self._upstream.fetch(method, url, _plain(asked)) as answer:
                await _pass(answer, out)
        else:
            raise Refused("Ask for one project: /pypi/simple/<project>/.", 404)

    def _pypi_link(self, project: str, page: str) -> links.Replace:
        def replace(link: str) -> str:
            whole, _, fragment = urljoin(page, link).partition("#")
            name = urlsplit(whole).path.rpartition("/")[2]
            self._remember(project, name, whole)
            return f"{self._address}/pypi/files/{project}/{name}{'#' if fragment else ''}{fragment}"

        return replace

    async def _pypi_file(self, base: str, project: str, name: str) -> str:
        suffix = ".metadata" if name.endswith(".metadata") else ""
        name = name.removesuffix(suffix)
        url = self._files.get((project, name))
        if url is None:
            url = await self._look_up(project, name, f"{base}{project}/", None)
        whole, mark, query = url.partition("?")
        return whole + suffix + mark + query

    async def _look_up(self, project: str, name: str, page: str, kind: links.Kind | None) -> str:
        """The address of a file whose page this server has not passed on (any more)."""
        replace = self._npm_link(project) if kind is links.NPM else self._pypi_link(project, page)
        await self._page("GET", page, {"accept": "*/*"}, kind, replace, _Nowhere())
        try:
            return self._files[project, name]
        except KeyError:
            raise Refused(f"The registry names no file {name} of {project}.", 404) from None

    async def _page(
        self,
        method: str,
        url: str,
        asked: dict[str, str],
        kind: links.Kind | None,
        replace: links.Replace,
        out: Out,
    ) -> None:
        request = {name: value for name, value in asked.items() if name != "range"}
        async with self._upstream.fetch(method, url, _zipped(request)) as answer:
            kind = kind or _kind_of(answer)
            json_or_html = (
                "json" in answer.headers.get("content-type", "") or kind is links.PYPI_HTML
            )
            if answer.status != 200 or not json_or_html or method == "HEAD":
                await _pass(answer, out)
                return
            rewriter = links.Rewriter(kind, replace)
            await out.start(200, _told(answer))
            async for data in _unzipped(answer):
                await out.send(rewriter.feed(data))
            await out.send(rewriter.finish())
            await out.end()

    def _remember(self, project: str, name: str, url: str) -> None:
        self._files[project, name] = url
        self._files.move_to_end((project, name))
        if len(self._files) > _KNOWN_FILES:
            self._files.popitem(last=False)


class _Nowhere:
    async def start(self, status: int, headers: Headers) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self) -> None: ...


async def _pass(answer: Answer, out: Out) -> None:
    """The answer byte for byte, still compressed if it was."""
    exact = ("content-length", "content-encoding")
    headers = [
        (name.encode(), answer.headers[name].encode("latin-1"))
        for name in exact
        if name in answer.headers
    ]
    await out.start(answer.status, [*_told(answer), *headers])
    async for data in answer.chunks:
        await out.send(data)
    await out.end()


def _told(answer: Answer) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode(), answer.headers[name].encode("latin-1"))
        for name in _TOLD
        if name in answer.headers
    ]


async def _unzipped(answer: Answer) -> AsyncIterator[bytes]:
    """The plain text of a page, a quarter of a megabyte at most at a time."""
    if answer.headers.get("content-encoding", "identity") == "identity":
        async for data in answer.chunks:
            yield data
        return
    unzip = zlib.decompressobj(32 + zlib.MAX_WBITS)
    async for data in answer.chunks:
        while data:
            yield unzip.decompress(data, 256 * 1024)
            data = unzip.unconsumed_tail
    yield unzip.flush()


def _plain(asked: Mapping[str, str]) -> dict[str, str]:
    return {**asked, "accept-encoding": "identity", "user-agent": _AGENT}


def _zipped(asked: Mapping[str, str]) -> dict[str, str]:
    return {**asked, "accept-encoding": "gzip", "user-agent": _AGENT}


def _kind_of(answer: Answer) -> links.Kind:
    return links.PYPI_JSON if "json" in answer.headers.get("content-type", "") else links.PYPI_HTML


def _known(address: str, tool: str) -> str:
    if not address:
        raise Refused(f"This server found no {tool} on its machine to ask for a registry.", 503)
    return address


def _normalised(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()


def _checked(target: str) -> tuple[str, str]:
    """Path and query of a request target, if they can mean only one thing."""
    path, mark, query = target.partition("?")
    plain = path.replace("%2e", ".").replace("%2E", ".").replace("%2f", "/").replace("%2F", "/")
    odd = re.search(r"[^!-~]|[\\#]|//", target) or any(
        part in {".", ".."} for part in plain.split("/")
    )
    if odd:
        raise Refused(
            "That address has parts that mean different things to different readers.", 400
        )
    return path, mark + query
