import asyncio
from pathlib import Path

from sandboxd.toolbox.session_logs import ERR, OUT, CommandLog


async def test_records_are_kept_in_order_and_found_again(tmp_path: Path) -> None:
    log = CommandLog(tmp_path, "c", 10_000)
    log.append(OUT, b"1")
    log.append(ERR, b"2")
    log.append(OUT, b"")
    log.close()
    again = CommandLog(tmp_path, "c", 10_000)
    again.append(OUT, b"3")
    assert await again.read() == [(OUT, b"1"), (ERR, b"2"), (OUT, b"3")]
    again.remove()
    assert list(tmp_path.iterdir()) == []


async def test_only_the_last_part_of_a_flood_is_kept(tmp_path: Path) -> None:
    log = CommandLog(tmp_path, "c", 10_000)
    for number in range(1000):
        log.append(OUT, b"%04d" % number * 10)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 10_000
    kept = b"".join(data for _, data in await log.read())
    assert kept.endswith(b"0999" * 10)
    assert len(kept) > 4_000
    log.close()


async def test_a_follower_gets_everything_then_what_is_added_then_the_end(tmp_path: Path) -> None:
    log = CommandLog(tmp_path, "c", 1_000_000)
    log.append(OUT, b"before")
    seen: list[tuple[int, bytes]] = []

    async def follow() -> None:
        async for records in log.follow():
            seen.extend(records)

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await asyncio.sleep(0.01)
        for number in range(3):
            log.append(ERR, b"%d" % number)
            await asyncio.sleep(0)
        log.close()
    assert seen == [(OUT, b"before"), (ERR, b"0"), (ERR, b"1"), (ERR, b"2")]


async def test_a_follower_that_is_too_slow_goes_on_with_what_is_left(tmp_path: Path) -> None:
    log = CommandLog(tmp_path, "c", 2_000)
    log.append(OUT, b"first")
    following = log.follow()
    assert await anext(following) == [(OUT, b"first")]
    for number in range(200):
        log.append(OUT, b"%05d" % number * 10)
    log.close()
    rest = b"".join([data async for records in following for _, data in records])
    assert rest.endswith(b"00199" * 10)
    assert len(rest) <= 2_000
