import asyncio
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from keelway.chat.errors import TurnLost
from keelway.chat.event_log import Bells, EventLog, follow
from keelway.db import models
from keelway.db.session import Database
from keelway.ids import TurnId

TURN = TurnId("turn-1")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
async def log(database: Database) -> EventLog:
    """The log of a turn at work, held with fence 7."""
    async with database.transaction() as tx:
        tx.add(models.User(id="u", role="owner", created_at=NOW, updated_at=NOW))
        await tx.flush()
        tx.add(
            models.Project(
                key=1, id="p", name="P", user_id="u", template="t", created_at=NOW, updated_at=NOW
            )
        )
        await tx.flush()
        tx.add(
            models.Turn(
                id=TURN,
                project=1,
                user_id="u",
                status="working",
                prompt="x",
                fence=7,
                started_at=NOW,
            )
        )
    return EventLog(database, Bells(), TURN, 7)


async def rows(database: Database) -> list[tuple[int, str]]:
    async with database.reading() as session:
        found = await session.scalars(select(models.TurnEvent).order_by(models.TurnEvent.seq))
        return [(each.seq, each.payload) for each in found]


async def finish(log: EventLog) -> None:
    async with log.last() as chunks, log.database.transaction() as tx:
        await log.write(tx, chunks, {"status": "completed"})
    log.bells.ring(TURN)


async def test_batches_are_numbered_without_gaps(database: Database, log: EventLog) -> None:
    log.append({"type": "data-a", "data": 1}, {"type": "data-b", "data": 2})
    await log.flush()
    await log.flush()
    log.append({"type": "data-c", "data": 3})
    await log.flush()
    found = await rows(database)
    assert [seq for seq, _ in found] == [1, 2]
    assert [json.loads(line)["type"] for line in found[0][1].splitlines()] == ["data-a", "data-b"]


async def test_a_server_that_lost_the_turn_can_add_nothing(
    database: Database, log: EventLog
) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(models.Turn).values(fence=8))
    log.append({"type": "data-a", "data": 1})
    with pytest.raises(TurnLost):
        await log.flush()
    assert await rows(database) == []


async def test_a_closed_turn_takes_nothing_more(log: EventLog) -> None:
    await finish(log)
    with pytest.raises(TurnLost):
        await log.flush(history="[]")


async def test_columns_are_written_with_the_chunks(database: Database, log: EventLog) -> None:
    log.append({"type": "data-a", "data": 1})
    await log.flush(history="[1]")
    async with database.reading() as session:
        turn = (await session.scalars(select(models.Turn))).one()
        assert (turn.history, turn.last_event) == ("[1]", 1)


async def test_another_server_reads_what_was_written(database: Database, log: EventLog) -> None:
    log.append({"type": "text-start", "id": "t"}, {"type": "text-delta", "id": "t", "delta": "hi"})
    await log.flush()
    second = EventLog(database, Bells(), TURN, 8)
    await second.restore()
    assert second.transcript.parts == [{"type": "text", "text": "hi", "state": "streaming"}]


async def test_readers_see_all_of_it_whenever_they_come(database: Database, log: EventLog) -> None:
    async def read() -> list[str]:
        return [line async for line in follow(database, log.bells, TURN)]

    log.append({"type": "data-a", "data": 1})
    await log.flush()
    early = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    log.append({"type": "data-b", "data": 2})
    await finish(log)
    assert await early == [
        'data: {"type":"data-a","data":1}\n\n',
        'data: {"type":"data-b","data":2}\n\n',
        "data: [DONE]\n\n",
    ]
    assert await read() == await early


async def test_a_reader_in_another_process_sees_it_without_a_bell(
    database: Database, log: EventLog
) -> None:
    async def read() -> list[str]:
        return [line async for line in follow(database, Bells(), TURN)]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    log.append({"type": "data-a", "data": 1})
    await finish(log)
    async with asyncio.timeout(2):
        assert len(await reading) == 2


async def test_what_is_appended_is_written_by_itself(database: Database, log: EventLog) -> None:
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(log.keep_writing())
        log.append({"type": "data-a", "data": 1})
        async with asyncio.timeout(2):
            while not await rows(database):
                await asyncio.sleep(0.01)
        writing.cancel()


async def test_a_turn_that_was_deleted_ends_its_readers(database: Database) -> None:
    async with asyncio.timeout(2):
        lines = [line async for line in follow(database, Bells(), TurnId("gone"))]
    assert lines == ["data: [DONE]\n\n"]


async def test_what_comes_after_the_last_chunks_is_neither_shown_nor_kept(
    database: Database, log: EventLog
) -> None:
    workspace = {"type": "data-workspace", "id": "workspace", "data": "creating"}
    log.append(workspace)
    async with log.last({"type": "finish"}) as chunks, database.transaction() as tx:
        late = asyncio.create_task(log.flush())
        log.append({**workspace, "data": "building"})
        await asyncio.sleep(0.01)
        await log.write(tx, chunks, {"status": "completed"})
    await late
    (written,) = await rows(database)
    assert [json.loads(line) for line in written[1].splitlines()] == [workspace, {"type": "finish"}]
    assert [part["data"] for part in log.transcript.parts] == ["creating"]


async def test_a_flush_that_is_cancelled_writes_once(database: Database, log: EventLog) -> None:
    log.append({"type": "text-start", "id": "t"})
    for step in range(100):
        log.append({"type": "text-delta", "id": "t", "delta": f"{step} "})
        flushing = asyncio.create_task(log.flush())
        await asyncio.sleep(step * 0.0001)  # from before it begins to after it has ended
        flushing.cancel()
        await asyncio.wait([flushing])
    await log.flush()
    written = [json.loads(line) for _, each in await rows(database) for line in each.splitlines()]
    said = "".join(chunk.get("delta", "") for chunk in written)
    assert said == "".join(f"{step} " for step in range(100))
