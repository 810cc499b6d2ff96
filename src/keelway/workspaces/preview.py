"""The address of the running app, and whether it answers.

The page is asked over HTTP through the engine's preview link, which does not count as activity.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import httpx

from keelway.sandboxes.sandbox import PreviewLink

PreviewState = Literal[
    "creating",
    "waking",
    "installing",
    "building",
    "ready",
    "app-crashed",
    "port-silent",
    "blank-page",
    "asleep",
    "rebuilding",
    "provider-unreachable",
    "quota",
    "restoring",
    "restored",
    "restore-failed",
    "files-only",
    "minimal",
    "empty",
    "error",
]
"""The states of UI.md 4. `blank-page` only the browser can see."""

SHOWABLE: frozenset[PreviewState] = frozenset(
    {"ready", "app-crashed", "port-silent", "blank-page", "restored", "minimal", "error"}
)
"""A machine runs, so there is an address to show, whatever answers there."""


@dataclass(frozen=True, slots=True)
class PreviewStatus:
    """What the preview shows: a state, a sentence, the app's port, last lines where they help."""

    state: PreviewState
    message: str
    port: int
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a port said: an HTTP status, or None when nothing answered; and the body's beginning."""

    status: int | None
    body: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and self.status < 400


SILENT = Answer(None)
SILENCE = frozenset({400, 401, 404, 502, 503, 504})
"""With the engine's JSON in it: the engine itself answers, not the app."""


def target(link: PreviewLink, path: str = "/") -> tuple[str, dict[str, str]]:
    """Where to connect, and what to send, to reach `path` of the app.

    `*.localhost` is this machine by definition, though not every resolver knows it.
    """
    parts = urlsplit(link.url)
    netloc = parts.netloc
    if (parts.hostname or "").endswith(".localhost"):
        netloc = f"127.0.0.1:{parts.port or 80}"
    headers = {
        "Host": parts.netloc,
        "X-Daytona-Preview-Token": link.token,
        "X-Daytona-Skip-Preview-Warning": "true",
        "Accept": "text/html,*/*",
    }
    return f"{parts.scheme}://{netloc}{path}", headers


async def ask(link: PreviewLink, path: str = "/", *, seconds: float = 5) -> Answer:
    """One GET."""
    url, headers = target(link, path)
    secure = url.startswith("https:")
    async with httpx.AsyncClient(timeout=seconds, trust_env=secure, verify=secure) as client:
        try:
            response = await client.get(url, headers=headers)
        except httpx.TransportError:
            return SILENT
    if response.status_code in SILENCE and _from_engine(response):
        return SILENT
    return Answer(response.status_code, response.text[:200_000])


def _from_engine(response: httpx.Response) -> bool:
    """The engine's error body, not the app's."""
    return "json" in response.headers.get("content-type", "") and '"source"' in response.text


async def wait(link: PreviewLink, *, seconds: float) -> Answer:
    """Ask until the app answers well, or the time is over; the last answer."""
    deadline = time.monotonic() + seconds
    pause = 0.03
    while True:
        answer = await ask(link)
        if answer.ok or time.monotonic() + pause > deadline:
            return answer
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, 0.5)


_IMPORTS = re.compile(r"""(?:\bfrom|\bimport|src=)\s*\(?["'](/[^"'<>\s]+)["']""")


async def modules(
    link: PreviewLink, html: str, limit: int = 60
) -> AsyncIterator[tuple[str, Answer]]:
    """A page's modules, fetched one after the other as a browser would find them."""
    pending = list(dict.fromkeys(_IMPORTS.findall(html)))
    done: set[str] = set()
    while pending and len(done) < limit:
        path = pending.pop(0)
        done.add(path)
        answer = await ask(link, path, seconds=30)
        yield path, answer
        if answer.ok:
            found = dict.fromkeys(_IMPORTS.findall(answer.body))
            pending += [one for one in found if one not in done and one not in pending]


async def broken_module(link: PreviewLink, html: str) -> str | None:
    """What is wrong with the first module that the dev server cannot deliver, or None."""
    async for path, answer in modules(link, html):
        if not answer.ok and answer.status != 404:
            return f"{path.partition('?')[0]}: HTTP {answer.status}. {_said(answer.body)}"
        if answer.status == 404:
            return f"{path.partition('?')[0]} does not exist."
    return None


def _said(body: str) -> str:
    """The message in Vite's error page, else its text."""
    found = re.search(r'"message":\s*"((?:[^"\\]|\\.)*)"', body)
    text = found[1].encode().decode("unicode_escape", errors="replace") if found else body
    return re.sub(r"<[^>]+>", " ", text)[:1500].strip()
