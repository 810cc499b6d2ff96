from collections.abc import AsyncIterator

import pytest

from keelway.workspaces.probe import LOOK_BYTES, TAG, script, with_probe


async def probed(*chunks: bytes) -> bytes:
    async def iterate() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return b"".join([chunk async for chunk in with_probe(iterate())])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<html><head>", b"<title>x</title></head></html>"),
        (b'<HEAD data-a="1">', b"<script>1</script>"),
        (b"<!doctype html>", b"<p>no head</p>"),
        (b"", b"<p>bare</p>"),
        (b"", b"<header>not a head</header>"),
        (b"", b""),
    ],
)
async def test_the_probe_is_the_first_thing_in_the_head(before: bytes, after: bytes) -> None:
    assert await probed(before + after) == before + TAG + after


async def test_the_head_is_found_wherever_the_chunks_are_cut() -> None:
    page = b"<!doctype html><html><head><title>x</title></head><body>y</body></html>"
    expected = page.replace(b"<head>", b"<head>" + TAG)
    for at in range(len(page)):
        assert await probed(page[:at], page[at:]) == expected


async def test_a_page_without_a_head_is_not_held_back_for_ever() -> None:
    chunk = b"x" * LOOK_BYTES
    assert await probed(chunk, chunk, chunk) == TAG + chunk * 3


def test_the_script_speaks_to_our_page_only() -> None:
    text = script("http://keelway.localhost:8420")
    assert 'const page = "http://keelway.localhost:8420";' in text
    assert "%PAGE%" not in text
    assert "postMessage(said, page)" in text
    assert '"*"' not in text
