"""Rewrite the links of registry pages as they stream past, so that files are fetched through us too."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape

_LONGEST = 8192  # bytes of one link; a longer one is passed as it is
Replace = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """Where links stand in a page: the word before them, the whole pattern, how they are written."""

    keyword: bytes
    pattern: re.Pattern[bytes]
    read: Callable[[str], str]
    written: Callable[[str], str]


def _json_text(raw: str) -> str:
    return json.loads(f'"{raw}"')


NPM = Kind(
    b'"tarball"',
    re.compile(rb'("tarball"\s*:\s*")((?:[^"\\]|\\.)*)(")'),
    _json_text,
    lambda text: json.dumps(text)[1:-1],
)
PYPI_JSON = Kind(
    b'"url"',
    re.compile(rb'("url"\s*:\s*")((?:[^"\\]|\\.)*)(")'),
    _json_text,
    lambda text: json.dumps(text)[1:-1],
)
PYPI_HTML = Kind(
    b"href",
    re.compile(rb"""(href\s*=\s*["'])([^"']*)(["'])"""),
    unescape,
    lambda text: escape(text, quote=True),
)


class Rewriter:
    """Bytes in, bytes out; holds back no more than one unfinished link."""

    def __init__(self, kind: Kind, replace: Replace) -> None:
        self._kind = kind
        self._replace = replace
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        text, done, parts = self._rest + data, 0, list[bytes]()
        for found in self._kind.pattern.finditer(text):
            parts += (text[done : found.start()], self._rewritten(found))
            done = found.end()
        keyword = self._kind.keyword
        unfinished = text.rfind(keyword, done)
        if unfinished < 0 or len(text) - unfinished > _LONGEST:
            unfinished = max(done, len(text) - len(keyword) + 1)
        parts.append(text[done:unfinished])
        self._rest = text[unfinished:]
        return b"".join(parts)

    def finish(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest

    def _rewritten(self, found: re.Match[bytes]) -> bytes:
        before, raw, after = found.groups()
        try:
            link = self._kind.read(raw.decode())
        except ValueError:
            return found[0]
        return before + self._kind.written(self._replace(link)).encode() + after
