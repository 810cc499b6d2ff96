import asyncio
import os

from sandboxd.toolbox.pipes import Output, Reader, output_pipe, write_all


def test_output_keeps_the_beginning_and_the_end() -> None:
    output = Output(1000)
    for number in range(1000):
        output.add(b"%04d" % number)
    text = output.text()
    assert text.startswith("00000001")
    assert text.endswith("09980999")
    assert "bytes left out" in text
    assert len(text) < 1300
    small = Output(1000)
    small.add("é".encode()[:1])
    small.add("é".encode()[1:])
    assert small.text() == "é"


async def test_a_reader_takes_everything_and_knows_the_end() -> None:
    reading, writing = output_pipe((os.geteuid(), os.getegid()))
    seen = bytearray()
    reader = Reader(reading, seen.extend)
    os.set_blocking(writing, False)
    await write_all(writing, b"x" * 1_000_000)  # more than the pipe holds
    os.close(writing)
    async with asyncio.timeout(5):
        await reader.ended.wait()
    assert len(seen) == 1_000_000
    reader.close()


async def test_drain_takes_what_is_there_without_waiting() -> None:
    reading, writing = os.pipe()
    seen = bytearray()
    reader = Reader(reading, seen.extend)
    os.write(writing, b"now")
    reader.drain()
    assert seen == b"now"
    assert not reader.ended.is_set()
    os.close(writing)
    reader.drain()
    assert reader.ended.is_set()
