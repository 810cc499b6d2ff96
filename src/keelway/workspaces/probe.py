"""The probe: a script that every HTML page of a preview gets, so that the page around it knows what is seen."""

import re
from collections.abc import AsyncIterator
from importlib.resources import files

PATH = "/__keelway/probe.js"
"""On the preview's own site, so that an app's `script-src 'self'` lets it in."""
TAG = f'<script src="{PATH}"></script>'.encode()
LOOK_BYTES = 64 * 1024
"""How far into the page its head is looked for."""

HEAD = re.compile(rb"<head(\s[^>]*)?>", re.IGNORECASE)
DOCTYPE = re.compile(rb"\s*<!doctype[^>]*>", re.IGNORECASE)


def script(page: str) -> str:
    """The script, talking to the page at this origin and to no other."""
    return files("keelway.workspaces").joinpath("probe.js").read_text().replace("%PAGE%", page)


async def with_probe(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same page with the probe as the first thing in its head."""
    begun = b""
    async for chunk in chunks:
        begun += chunk
        if HEAD.search(begun) or len(begun) > LOOK_BYTES:
            break
    at = _place(begun)
    yield begun[:at] + TAG + begun[at:]
    async for chunk in chunks:
        yield chunk


def _place(begun: bytes) -> int:
    found = HEAD.search(begun) or DOCTYPE.match(begun)
    return found.end() if found else 0
