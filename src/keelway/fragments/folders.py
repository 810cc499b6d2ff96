"""What a project's repository is called on disk: `<its id>.git`, safely and reversibly.

A plain id, such as a UUID, is its own name. Ids of an old system may be anything: every byte but
`a-z`, `0-9`, `-` and `_` is written `=` and two hexadecimal digits, so that two ids never share a
folder, not even where the file system takes `A` for `a`. What would be longer than `LONGEST` is named
by its SHA-256 behind `==`; the repository's `description` holds the id itself.
"""

import hashlib
import re

LONGEST = 200
"""Bytes of a name; 255 are allowed, and temporary names beside it are longer."""
PLAIN = re.compile(rb"[a-z0-9_-]")
ENCODED = re.compile("=([0-9a-f]{2})")


def folder(project_id: str) -> str:
    """The name of the project's repository in `KEELWAY_HOME/repositories`."""
    raw = project_id.encode("utf-8", "surrogatepass")
    name = "".join(_written(raw, at) for at in range(len(raw)))
    if len(name) > LONGEST or not name:
        name = "==" + hashlib.sha256(raw).hexdigest()
    return f"{name}.git"


def project_of(name: str) -> str | None:
    """The id that `folder` made this name of; None when the name does not say (see `description`)."""
    stem = name.removesuffix(".git")
    if stem == name or stem.startswith("=="):
        return None
    raw = ENCODED.sub(lambda found: chr(int(found[1], 16)), stem).encode("latin-1", "replace")
    project_id = raw.decode("utf-8", "replace")
    return project_id if folder(project_id) == name else None


def _written(raw: bytes, at: int) -> str:
    byte = raw[at : at + 1]
    plain = PLAIN.match(byte) and not (at == 0 and byte == b"-")
    return byte.decode() if plain else f"={byte[0]:02x}"
