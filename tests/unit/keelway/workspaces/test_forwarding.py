"""TRUST.md T06 and T07: nothing of ours goes in, nothing that reaches beyond its own site comes out."""

from keelway.workspaces.forwarding import Headers, Target, clean_query, inward, outward

SITE = "http://5173-0123456789abcdef0123.localhost:8421"
TARGET = Target("http://5173-0123456789abcdef0123.preview.localhost:41000", "door-key")
CLOUD = Target("https://5173-abc.proxy.example", "t")


def sent(*headers: tuple[str, str], bearer_is_ours: bool = False) -> dict[str, str]:
    raw = [(k.encode(), v.encode()) for k, v in headers]
    return dict(inward(raw, SITE, TARGET, bearer_is_ours=bearer_is_ours))


def answered(*headers: tuple[str, str]) -> Headers:
    return outward(headers, SITE, TARGET)


def test_the_request_is_addressed_anew_with_the_doors_key() -> None:
    found = sent(("host", "5173-x.localhost:8421"), ("accept", "text/html"))
    assert found == {
        "accept": "text/html",
        "host": TARGET.netloc,
        "x-daytona-preview-token": "door-key",
    }


def test_nothing_that_opens_keelway_goes_in() -> None:
    found = sent(
        ("cookie", "a=1; __Host-kwp=secret; __Host-keelway=secret; b=2"),
        ("authorization", "Bearer secret"),
        ("x-daytona-preview-token", "secret"),
        ("X-Daytona-Source", "secret"),
        ("x-forwarded-host", "secret"),
        ("forwarded", "for=secret"),
        bearer_is_ours=True,
    )
    assert found["cookie"] == "a=1; b=2"
    assert "secret" not in "".join(found.values())
    assert "cookie" not in sent(("cookie", "__Host-kwp=secret"))


def test_an_apps_own_authorization_goes_in() -> None:
    assert sent(("authorization", "Bearer of the app"))["authorization"] == "Bearer of the app"


def test_an_app_sees_its_own_origin() -> None:
    found = sent(("origin", SITE), ("referer", f"{SITE}/a?b"))
    assert found["origin"] == TARGET.origin
    assert found["referer"] == f"{TARGET.origin}/a?b"
    assert sent(("origin", "http://else.example"))["origin"] == "http://else.example"


def test_hop_by_hop_headers_stay_here() -> None:
    found = sent(
        ("connection", "keep-alive, X-Secret"),
        ("x-secret", "1"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "x"),
        ("te", "trailers"),
    )
    assert set(found) == {"host", "x-daytona-preview-token"}


def test_cookies_stay_on_their_own_site() -> None:
    headers = answered(
        ("set-cookie", "a=1; Domain=localhost; Path=/; domain = .localhost"),
        ("set-cookie", "__Host-kwp=tossed; Path=/; Secure"),
        ("set-cookie", " __Host-keelway =tossed"),
        ("set-cookie", "b=2"),
    )
    assert [v for k, v in headers if k == "set-cookie"] == ["a=1; Path=/", "b=2"]


def test_the_engines_own_words_stay_behind() -> None:
    headers = dict(
        answered(
            ("location", f"{TARGET.origin}/next"),
            ("x-daytona-runner", "r1"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "unsafe-url"),
            ("connection", "close"),
            ("date", "yesterday"),
            ("content-type", "text/html"),
        )
    )
    assert headers == {
        "location": f"{SITE}/next",
        "content-type": "text/html",
        "referrer-policy": "no-referrer",
    }


def test_a_query_loses_what_opens_doors_and_nothing_else() -> None:
    assert clean_query(b"") == b""
    assert clean_query(b"a=%20+&a=2&flag&=x") == b"a=%20+&a=2&flag&=x"
    assert clean_query(b"a=1&keelway-ticket=t.s&b=2") == b"a=1&b=2"
    assert clean_query(b"keelway%2Dticket=t&DAYTONA_SANDBOX_AUTH_KEY=k") == b""


def test_names_below_localhost_are_dialled_here() -> None:
    assert TARGET.dial == ("127.0.0.1", 41000)
    assert Target("http://localhost:1", "t").dial == ("127.0.0.1", 1)
    assert CLOUD.dial == ("5173-abc.proxy.example", 443)
    assert CLOUD.secure
