import json
from typing import Any

import pytest

from sandboxd.errors import BadRequest, NotFound, SandboxdError
from sandboxd.wire import (
    Call,
    Routes,
    answer,
    error_response,
    nothing,
    segments_of,
    to_int,
    to_number,
)


async def handler(_: Call) -> None: ...


async def other(_: Call) -> None: ...


def scope(path: str, **more: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), **more}


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        ("/api/sandbox/x", ("api", "sandbox", "x")),
        ("/api//sandbox///x/", ("api", "sandbox", "x")),
        ("/sandbox/a%2Fb%20c%25", ("sandbox", "a/b c%")),
        ("/sandbox/..%2f..", ("sandbox", "../..")),
        ("/", ()),
    ],
)
def test_paths_are_split_before_they_are_decoded(raw: str, segments: tuple[str, ...]) -> None:
    assert segments_of(scope(raw)) == segments


def test_literal_routes_win_over_parameters_whatever_the_order() -> None:
    routes = Routes()
    routes.add("GET", "/sandbox/{s}/logs", other)
    routes.add("GET", "/sandbox/entrypoint/logs", handler)
    outer = Routes()
    outer.include(routes, "/api")
    assert outer.find("GET", ("api", "sandbox", "entrypoint", "logs")) == (handler, {})
    assert outer.find("GET", ("api", "sandbox", "x", "logs")) == (other, {"s": "x"})


def test_an_unknown_path_is_404_and_a_wrong_method_405() -> None:
    routes = Routes()
    routes.add("GET", "/a", handler)
    routes.add("WEBSOCKET", "/w", handler)
    with pytest.raises(NotFound):
        routes.find("GET", ("b",))
    with pytest.raises(SandboxdError) as caught:
        routes.find("POST", ("a",))
    assert caught.value.status == 405
    with pytest.raises(NotFound):
        routes.find("GET", ("w",))


def test_numbers_come_with_and_without_a_point() -> None:
    assert to_int("30.0", "n") == 30
    assert to_number("-1", "n") == -1
    for text in ("x", "", "nan", "inf"):
        with pytest.raises(BadRequest):
            to_number(text, "n")
    with pytest.raises(BadRequest):
        to_int("1.5", "n")


def test_errors_have_the_form_that_all_sdks_read() -> None:
    response = error_response(NotFound("gone"), scope("/x"))
    body = json.loads(bytes(response.body))
    assert response.status_code == 404
    assert body == {
        "statusCode": 404,
        "message": "gone",
        "code": "NOT_FOUND",
        "source": "DAYTONA_API",
        "path": "/x",
        "method": "GET",
        "timestamp": body["timestamp"],
    }
    assert response.media_type == "application/json"
    assert (answer([]).body, nothing(204).body) == (b"[]", b"")
