"""Tickets into a preview: signed, good for a minute, once, for one session, sandbox and port (TRUST.md B2).

The page hands a ticket to the browser in the preview's address; the preview's own site takes it off again and
gives a cookie instead, signed in the same way. Neither is stored; only a ticket's nonce is, when it is used.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from keelway.accounts.accounts import Accounts, Caller
from keelway.ids import SandboxId

TICKET = "keelway-ticket"
"""The query parameter that carries it."""
TICKET_SECONDS = 60
COOKIE_SECONDS = 24 * 3600

Kind = Literal["ticket", "cookie"]


@dataclass(frozen=True, slots=True)
class Pass:
    """What is signed: who may see which port of which sandbox, until when (seconds since 1970)."""

    kind: Kind
    credential: str
    sandbox: str
    port: int
    until: float
    nonce: str


class Tickets:
    """Issues and checks passes with the server's key."""

    def __init__(self, key: bytes, accounts: Accounts, preview_port: int) -> None:
        self.key = hashlib.sha256(b"keelway preview pass\0" + key).digest()
        self.accounts = accounts
        self.preview_port = preview_port

    def site(self, sandbox: SandboxId, port: int) -> str:
        """The origin of one port of one sandbox."""
        return f"http://{port}-{sandbox}.localhost:{self.preview_port}"

    def url(self, caller: Caller, sandbox: SandboxId, port: int) -> str:
        """An address that opens the preview for whoever follows it first, within a minute."""
        ticket = self._issue("ticket", caller.credential, sandbox, port, TICKET_SECONDS)
        return f"{self.site(sandbox, port)}/?{TICKET}={ticket}"

    async def redeem(self, ticket: str, sandbox: str, port: int) -> str | None:
        """The cookie for a ticket that is right and was never used, else None."""
        shown = self._read("ticket", ticket, sandbox, port)
        if shown is None or await self.accounts.by_credential(shown.credential) is None:
            return None
        if not await self.accounts.use_nonce(shown.nonce, datetime.fromtimestamp(shown.until, UTC)):
            return None
        return self._issue("cookie", shown.credential, sandbox, port, COOKIE_SECONDS)

    async def caller(self, cookie: str, sandbox: str, port: int) -> Caller | None:
        """Who came by this cookie, while their session lives."""
        shown = self._read("cookie", cookie, sandbox, port)
        return await self.accounts.by_credential(shown.credential) if shown else None

    def _issue(self, kind: Kind, credential: str, sandbox: str, port: int, seconds: int) -> str:
        nonce = secrets.token_urlsafe(16)
        signed = Pass(kind, credential, sandbox, port, time.time() + seconds, nonce)
        body = _encode(json.dumps(asdict(signed)).encode())
        return f"{body}.{self._sign(body)}"

    def _read(self, kind: Kind, text: str, sandbox: str, port: int) -> Pass | None:
        body, _, signature = text.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return None
        fields: dict[str, Any] = json.loads(_decode(body))
        shown = Pass(**fields)
        fits = (shown.kind, shown.sandbox, shown.port) == (kind, sandbox, port)
        return shown if fits and shown.until > time.time() else None

    def _sign(self, body: str) -> str:
        return _encode(hmac.digest(self.key, body.encode(), "sha256"))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
