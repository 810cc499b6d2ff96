"""Old path spellings and value encodings, made into paths and bytes by one stated rule each."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from keelway.errors import Invalid
from keelway.fragments.errors import UnsafePath
from keelway.fragments.paths import check_path
from keelway.legacy.cut import FILE_LIMIT, LONE, looks_cut, settled, units

PREFIXES = ("/home/daytona/workspace/", "/home/user/")
DATA_URL = re.compile(r"data:[\w.+-]*/?[\w.+-]*(?:;[\w.+=-]+)*;base64,", re.ASCII)
BASE64 = "__BASE64__"
PLACEHOLDER = re.compile(r"\[Binary image file: [^\]\n]*\]")

PNG_END = b"IEND\xaeB`\x82"
"""Its last chunk's name and checksum (PNG 1.2, 4.1.4)."""

Encoding = Literal["text", "data", "base64", "placeholder", "binary_cut"]


def normalise(key: str) -> str:
    r"""The path a key means: prefixes, `/` and `./` stripped, `\` to `/`, `//` collapsed, NFC.

    Raises UnsafePath, whose message is fit for the report, when a version must not hold it.
    """
    path, problem = _normalised(key)
    if problem is not None:
        raise UnsafePath(problem, path=path)
    return path


@lru_cache(maxsize=20_000)
def _normalised(key: str) -> tuple[str, str | None]:
    path = unicodedata.normalize("NFC", key.replace("\\", "/"))
    path = re.sub(r"/{2,}", "/", path)
    for prefix in PREFIXES:
        path = path.removeprefix(prefix)
    while path.startswith(("/", "./")):
        path = path.lstrip("/").removeprefix("./")
    try:
        return check_path(path), None
    except Invalid as error:
        return path, error.message


def winner(keys: Iterable[str]) -> str:
    """Of several spellings of one file the one the old system wrote last: by (length, bytes)."""
    return max(keys, key=spelling)


def spelling(key: str) -> tuple[int, bytes]:
    """The order that jsonb keeps its keys in: by length in bytes, then by bytes."""
    raw = key.encode("utf-8", "surrogatepass")
    return len(raw), raw


@dataclass(frozen=True, slots=True)
class Decoded:
    """The bytes of a value, how they were written, and whether they may be short of the original."""

    data: bytes
    encoding: Encoding
    cut: bool = False
    note: str | None = None


def decode(value: str) -> Decoded:
    """The bytes that a stored value stands for; never raises. What does not decode stays as stored."""
    as_stored = settled(value).encode()
    if PLACEHOLDER.fullmatch(value):
        return Decoded(as_stored, "placeholder", cut=True)
    for encoding, text in _encoded(value):
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return Decoded(as_stored, "binary_cut", cut=True, note="Its base64 text was cut.")
        if (problem := unfinished(data)) is not None:
            return Decoded(data, "binary_cut", cut=True, note=problem)
        return Decoded(data, encoding)
    if LONE.search(value):
        return Decoded(as_stored, "text", cut=True, note="It holds half a character.")
    # Every cut leaves less than the limit: a longer text with the mark was written after one.
    return Decoded(as_stored, "text", cut=looks_cut(value) and units(value) <= FILE_LIMIT)


def unfinished(data: bytes) -> str | None:
    """Why these bytes are short, when their own format says where they must end.

    Base64 that was cut after a multiple of four letters decodes without complaint.
    """
    problem = "It ends before a {} does."
    if data.startswith(b"\x89PNG\r\n\x1a\n") and PNG_END not in data[-72:]:
        return problem.format("PNG picture")
    if data.startswith(b"\xff\xd8\xff") and b"\xff\xd9" not in data[-64:]:
        return problem.format("JPEG picture")
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return problem.format("WebP picture or a sound")
    if data[:4] in (b"wOFF", b"wOF2") and int.from_bytes(data[8:12], "big") > len(data):
        return problem.format("web font")
    if data[:6] in (b"GIF87a", b"GIF89a") and not data.rstrip(b"\0").endswith(b";"):
        return problem.format("GIF picture")
    return None


def _encoded(value: str) -> Iterator[tuple[Encoding, str]]:
    if value.startswith(BASE64):
        yield "base64", value[len(BASE64) :]
    elif head := DATA_URL.match(value):
        yield "data", value[head.end() :]
