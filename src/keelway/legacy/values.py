"""Single values of the old rows: times, titles, names of authors, roles."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from keelway.fragments.build import plain
from keelway.fragments.fragment import AGENT
from keelway.git.objects import Signature
from keelway.legacy.source import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TITLE = 200
LONGEST_ID = 64
_CLOCK = re.compile(r"\s+-\s+\d{1,2}:\d{2}(:\d{2})?\s*([AaPp]\.?[Mm]\.?)?$")
_DATED = re.compile(r"^(Work in progress|Visual edit snapshot|Imported project) - .*$")
_FIXED = re.compile(r"(?:\s*\(Auto-fixed\))+$")
_HASH = re.compile(r"\$(2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}|argon2(id|i|d)\$[\x21-\x7e]{1,300})")


def storable(name: str | None) -> bool:
    """Whether an old id can be one here: not empty, at most 64 characters, and text."""
    return name is not None and 0 < len(name) <= LONGEST_ID and plain(name) == name


def when(text: str | None) -> datetime:
    """A stored time as UTC. What cannot be a commit's date (before 1970, after 2099) is the epoch."""
    try:
        found = datetime.fromisoformat((text or "").strip().replace(" ", "T"))
    except ValueError:
        return EPOCH
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found if 1970 <= found.year <= 2099 else EPOCH


def title(stored: str | None) -> str:
    """The title without what only repeats the date, on one line, with one "(Auto-fixed)"."""
    text = " ".join(shown(stored or "", lambda _: " ").split())
    if dated := _DATED.match(text):
        text = dated[1]
    fixed = _FIXED.search(text) is not None
    text = _CLOCK.sub("", _FIXED.sub("", text)).strip()
    if len(text) > LONGEST_TITLE:
        text = text[: LONGEST_TITLE - 1] + "…"
    return (text or "Untitled") + (" (Auto-fixed)" if fixed else "")


def shown(text: str, control: Callable[[str], str]) -> str:
    """The text with its control characters replaced: a terminal that shows a log would obey them."""
    return "".join(control(c) if unicodedata.category(c) == "Cc" else c for c in text)


def author(twin: Row | None) -> Signature:
    """Who made a version, from its GitFragment; the two fields are swapped in some rows."""
    if twin is None:
        return AGENT
    email, name = twin.get("authorEmail"), twin.get("authorName")
    if email and "@" not in email and name and "@" in name:
        email, name = name, email
    if not email and not name:
        return AGENT
    return Signature(name or "unknown", email or "unknown")


def role(stored: str | None) -> str:
    """A person's or a member's role here. Nobody becomes the owner of this server by an import."""
    return {"ADMIN": "admin", "VIEWER": "viewer"}.get((stored or "").upper(), "member")


def team_role(stored: str | None) -> str:
    known = (stored or "").lower()
    return known if known in ("owner", "admin", "member", "viewer") else "viewer"


def password_hash(stored: str | None) -> str | None:
    """The hash as it is, when it is one; anything else could be a password and is not kept."""
    return stored if stored and _HASH.fullmatch(stored) else None


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""
