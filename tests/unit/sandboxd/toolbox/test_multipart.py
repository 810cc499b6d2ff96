from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.errors import BadRequest
from sandboxd.toolbox.multipart import parts

TYPE = "multipart/form-data; boundary=XX"


def body(*fields: tuple[str, bytes]) -> bytes:
    return (
        b"".join(
            f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
            + data
            + b"\r\n"
            for name, data in fields
        )
        + b"--XX--\r\n"
    )


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def read(data: bytes, size: int, kind: str = TYPE) -> list[tuple[str, bytes]]:
    return [
        (part.name, b"".join([chunk async for chunk in part.chunks]))
        async for part in parts(kind, cut(data, size))
    ]


@given(st.integers(1, 50), st.binary(max_size=300))
async def test_parts_are_the_same_however_the_body_is_cut(size: int, data: bytes) -> None:
    if b"\r\n--XX" in b"\r\n" + data:
        return
    fields = [("a", b""), ("files[0].file", data), ("b", b"\r\n--X")]
    assert await read(body(*fields), size) == fields


async def test_a_part_that_nobody_reads_is_skipped() -> None:
    data = body(("a", b"x" * 5000), ("b", b"y"))
    assert [part.name async for part in parts(TYPE, cut(data, 100))] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (body(("a", b"x"))[:-4], TYPE),
        (b"", TYPE),
        (b"nonsense", TYPE),
        (body(("a", b"x")), "application/json"),
        (body(("a", b"x")), "multipart/form-data"),
        (b"--XX\r\nX: " + b"y" * 20_000, TYPE),
    ],
)
async def test_malformed_bodies_are_refused(data: bytes, kind: str) -> None:
    with pytest.raises(BadRequest):
        await read(data, 64, kind)
