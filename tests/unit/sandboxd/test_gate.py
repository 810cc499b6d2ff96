from pathlib import Path
from typing import Any

import pytest

from sandboxd import gate
from sandboxd.errors import BadRequest, Unauthorized
from sandboxd.gate import Forbidden, Misdirected, PreviewHost
from sandboxd.settings import Settings

ID = "7ad881c3-5a6b-4496-ab6c-3af8713d55f4"


def scope(*headers: tuple[str, str]) -> dict[str, Any]:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "headers": raw}


def settings(*origins: str) -> Settings:
    return Settings(
        Path("/nowhere"), "secret", url="http://127.0.0.1:99/api", allow_origins=frozenset(origins)
    )


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost:80", "LOCALHOST", "[::1]:8080"])
def test_our_own_names_are_no_previews(name: str) -> None:
    assert gate.preview_host(scope(("host", name))) is None


@pytest.mark.parametrize(
    "name",
    ["evil.example", "localhost.evil", "x.localhost", "", f"0-{ID}.localhost", "127.0.0.1 x",
     f"99999-{ID}.localhost", f"80-{ID}.localhost.evil", "80-short.localhost", "127.0.0.1:80:80"],
)  # fmt: skip
def test_other_names_are_misdirected(name: str) -> None:
    with pytest.raises(Misdirected):
        gate.preview_host(scope(("host", name)))


def test_a_missing_or_doubled_host_is_refused() -> None:
    for headers in ([], [("host", "localhost"), ("host", "localhost")]):
        with pytest.raises(BadRequest):
            gate.preview_host(scope(*headers))


def test_a_previews_name_says_port_and_sandbox_or_token() -> None:
    found = gate.preview_host(scope(("host", f"5173-{ID}.localhost:8420")))
    assert found == PreviewHost(5173, ID)


def test_origins_are_refused_unless_named() -> None:
    assert gate.check_origin(scope(), settings()) is None
    named = settings("http://good.example")
    assert gate.check_origin(scope(("origin", "http://good.example")), named)
    assert gate.check_origin(scope(("origin", "http://127.0.0.1:99")), named)
    for origin in ("null", "http://127.0.0.1:98", "http://good.example.evil", ""):
        with pytest.raises(Forbidden):
            gate.check_origin(scope(("origin", origin)), named)


@pytest.mark.parametrize(
    "value", ["", "secret", "Basic secret", "Bearer", "Bearer wrong", "Bearer \xff"]
)
def test_only_the_key_as_bearer_opens(value: str) -> None:
    with pytest.raises(Unauthorized):
        gate.check_key(scope(("authorization", value)), settings())
    gate.check_key(scope(("authorization", "bearer  secret")), settings())
