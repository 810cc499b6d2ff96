"""Old path spellings and value encodings, made into paths and bytes by one stated rule each."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from keelway.fragments.paths import check_path
from keelway.legacy.cut import looks_cut

PREFIXES = ("/home/daytona/workspace/", "/home/user/")
DATA_URL = re.compile(r"data:[\w.+-]*/?[\w.+-]*(?:;[\w.+=-]+)*;base64,", re.ASCII)
BASE64 = "__BASE64__"
PLACEHOLDER = re.compile(r"\[Binary image file: [^\]\n]*\]")

Encoding = Literal["text", "data", "base64", "placeholder", "binary_cut"]


def normalise(key: str) -> str:
    r"""The path a key means: prefixes, `/` and `./` stripped, `\` to `/`, `//` collapsed, NFC.

    Raises UnsafePath, whose message is fit for the report, when a version must not hold it.
    """
    path = unicodedata.normalize("NFC", key.replace("\\", "/"))
    for prefix in PREFIXES:
        path = path.removeprefix(prefix)
    path = re.sub(r"/{2,}", "/", path)
    while path.startswith(("/", "./")):
        path = path.lstrip("/").removeprefix("./")
    return check_path(path)


def winner(keys: Iterable[str]) -> str:
    """Of several spellings of one file the one the old system wrote last: by (length, bytes)."""
    return max(keys, key=lambda key: (len(key), key.encode("utf-8", "surrogatepass")))


@dataclass(frozen=True, slots=True)
class Decoded:
    """The bytes of a value, how they were written, and whether they may be short of the original."""

    data: bytes
    encoding: Encoding
    cut: bool = False


def decode(value: str) -> Decoded:
    """The bytes that a stored value stands for; never raises. What does not decode stays as stored."""
    as_stored = value.encode("utf-8", "replace" if _lone(value) else "strict")
    if PLACEHOLDER.fullmatch(value):
        return Decoded(as_stored, "placeholder", cut=True)
    for encoding, text in _encoded(value):
        try:
            return Decoded(base64.b64decode(text, validate=True), encoding)
        except (binascii.Error, ValueError):
            return Decoded(as_stored, "binary_cut", cut=True)
    return Decoded(as_stored, "text", cut=looks_cut(value))


def _encoded(value: str) -> Iterable[tuple[Encoding, str]]:
    if value.startswith(BASE64):
        yield "base64", value[len(BASE64) :]
    elif head := DATA_URL.match(value):
        yield "data", value[head.end() :]


def _lone(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)
