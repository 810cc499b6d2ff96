from typing import Any

import pytest

from keelway.accounts.arrival import Arrival, Refused, read

OURS = "keelway.localhost:8420"


def arrive(*headers: tuple[str, str], method: str = "GET", kind: str = "http") -> Arrival:
    scope: dict[str, Any] = {
        "type": kind,
        "scheme": "ws" if kind == "websocket" else "http",
        "path": "/api/projects",
        "headers": [(k.encode(), v.encode()) for k, v in headers],
    }
    if kind == "http":
        scope["method"] = method
    return read(scope)


def from_ours(*headers: tuple[str, str], method: str = "GET", kind: str = "http") -> Arrival:
    return arrive(("host", OURS), *headers, method=method, kind=kind)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", OURS), ("host", OURS)],
        [("host", "")],
        [("host", "a/b")],
        [("host", "user@keelway.localhost")],
        [("host", "keelway.localhost:8420, evil.example")],
        [("host", "keelway.localhost:123456")],
        [("host", OURS), ("content-length", "1"), ("transfer-encoding", "chunked")],
        [("host", OURS), ("authorization", "Bearer a"), ("authorization", "Bearer b")],
        [("host", OURS), ("origin", "http://a"), ("origin", "http://b")],
    ],
)
def test_a_missing_doubled_or_odd_head_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Refused) as refused:
        arrive(*headers)
    assert refused.value.status == 400


def test_a_host_is_compared_in_lower_case() -> None:
    assert arrive(("host", "KeelWay.LocalHost:8420")).host == OURS


def test_a_program_says_nothing_about_where_it_comes_from() -> None:
    assert from_ours().source == "absent"
    assert from_ours(method="POST").source == "absent"


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_our_own_origin_is_the_same_and_every_other_is_foreign(kind: str) -> None:
    for origin, source in {
        f"http://{OURS}": "same",
        "null": "foreign",
        "http://localhost:8420": "foreign",
        "http://keelway.localhost:3000": "foreign",
        "https://keelway.localhost:8420": "foreign",
        "http://evil.example": "foreign",
    }.items():
        assert from_ours(("origin", origin), kind=kind).source == source, origin


@pytest.mark.parametrize(
    ("site", "mode", "method", "source"),
    [
        ("same-origin", "cors", "GET", "same"),
        ("same-origin", "cors", "POST", "same"),
        ("none", "navigate", "GET", "same"),
        ("none", "navigate", "POST", "foreign"),
        ("cross-site", "navigate", "GET", "same"),
        ("cross-site", "no-cors", "GET", "foreign"),
        ("cross-site", "navigate", "POST", "foreign"),
        ("same-site", "cors", "GET", "foreign"),
        ("same-site", "no-cors", "POST", "foreign"),
    ],
)
def test_another_site_may_only_lead_here(site: str, mode: str, method: str, source: str) -> None:
    headers = (("sec-fetch-site", site), ("sec-fetch-mode", mode))
    assert from_ours(*headers, method=method).source == source


def test_a_websocket_is_never_safe() -> None:
    assert not from_ours(kind="websocket").safe
    assert from_ours().safe


def test_the_first_cookie_of_a_name_counts() -> None:
    arrival = from_ours(("cookie", "__Host-keelway=real; a=1"), ("cookie", "__Host-keelway=tossed"))
    assert arrival.cookies == {"__Host-keelway": "real", "a": "1"}


def test_only_a_bearer_is_a_bearer() -> None:
    assert from_ours(("authorization", "Bearer abc")).bearer == "abc"
    assert from_ours(("authorization", "bearer  abc ")).bearer == "abc"
    assert from_ours(("authorization", "Basic abc")).bearer is None
    assert from_ours(("authorization", "Bearer ")).bearer is None
