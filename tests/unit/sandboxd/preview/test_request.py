from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandboxd.errors import NotFound, Unauthorized
from sandboxd.gate import PreviewHost
from sandboxd.preview.request import Preview, named_by_connection
from sandboxd.settings import Settings
from sandboxd.signed import SignedPreviews

ID = "7ad881c3-5a6b-4496-ab6c-3af8713d55f4"
HOST = f"5173-{ID}.localhost:99"


def preview(
    *headers: tuple[str, str], query: str = "", label: str = ID, public: bool = False
) -> Preview:
    box = SimpleNamespace(id=ID, record=SimpleNamespace(preview_token="token", public=public))
    engine: Any = SimpleNamespace(
        signed=SignedPreviews(),
        settings=Settings(Path("/nowhere"), "key"),
        get_by_id=lambda wanted: box if wanted == ID else None,  # pyright: ignore[reportUnknownLambdaType]
    )
    raw = [(name.encode(), value.encode()) for name, value in (("host", HOST), *headers)]
    scope = {
        "type": "http",
        "path": "/a/b",
        "raw_path": b"/a%2Fb",
        "query_string": query.encode(),
        "headers": raw,
    }
    return Preview(engine, PreviewHost(5173, label), scope)


@pytest.mark.parametrize(
    "headers",
    [
        [("x-daytona-preview-token", "token")],
        [("authorization", "Bearer key")],
        [("cookie", "a=1; daytona-sandbox-auth=token")],
    ],
)
def test_any_credential_opens_and_none_goes_on(headers: list[tuple[str, str]]) -> None:
    seen = str(preview(*headers).headers())
    assert "token" not in seen
    assert "key" not in seen


def test_a_token_in_the_address_becomes_a_cookie_and_is_taken_out() -> None:
    made = preview(query="x=1&DAYTONA_SANDBOX_AUTH_KEY=token&y=%2F")
    assert made.cookie == "token"
    assert made.target == b"/a%2Fb?x=1&y=%2F"
    assert preview(("x-daytona-preview-token", "token"), query="x=%20+").target == b"/a%2Fb?x=%20+"


def test_without_a_credential_only_public_ones_open() -> None:
    for headers in ([], [("x-daytona-preview-token", "")], [("authorization", "Bearer x")]):
        with pytest.raises(Unauthorized):
            preview(*headers)
    assert preview(public=True).cookie is None
    with pytest.raises(NotFound):
        preview(label="a" * 32)


def test_headers_named_by_connection_are_the_hops_own() -> None:
    raw = [(b"connection", b"Keep-Alive, X-One"), (b"connection", b"x-two")]
    assert named_by_connection(raw) == {b"keep-alive", b"x-one", b"x-two"}
