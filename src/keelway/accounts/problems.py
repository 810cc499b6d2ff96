"""Errors on the wire: `application/problem+json` with a stable code (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **facts: object,
) -> Response:
    """One refusal or failure: `{type, title, status, code, detail}` and what else helps."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **facts,
    }
    return Response(
        json.dumps(body),
        status,
        media_type="application/problem+json",
        headers={"cache-control": "no-store", **(headers or {})},
    )
