"""Jobs by the clock: once over all workers, on the hour, and made good after a stop."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.database import create_engine
from gateway.leaks.alerts import Kind
from gateway.leaks.jobs import LEASE, Jobs
from tests.gateway.leaks.conftest import START, Box, Clock, make_room
from tests.gateway.leaks.test_leaks import drain, miss

HOUR = 3600.0
DAY = 86400.0


async def test_the_digest_comes_on_the_hour_from_one_worker(url: str, engine: AsyncEngine, clock: Clock) -> None:
    box = Box()
    other_engine = create_engine(url)
    rooms = [make_room(engine, clock, box), make_room(other_engine, clock, box)]
    assert "near_miss_digest" not in await rooms[0].jobs.once()
    for _ in range(3):
        await rooms[0].leaks.near_miss(miss())
    clock.forward(599)
    assert await rooms[0].jobs.once() == []
    clock.forward(1)  # 12:00
    ran = await asyncio.gather(*(room.jobs.once() for room in rooms))
    assert sorted(name for names in ran for name in names).count("near_miss_digest") == 1
    await drain(rooms[0])
    assert [(p.alert.kind, p.alert.count) for p in box.parcels] == [
        (Kind.NEAR_MISS_FIRST, 1),
        (Kind.NEAR_MISS_DIGEST, 2),
    ]
    clock.forward(HOUR)
    assert "near_miss_digest" in await rooms[1].jobs.once()
    await drain(rooms[0])
    assert len(box.parcels) == 2  # nothing new: no empty digest
    await other_engine.dispose()


async def test_a_daily_digest_waits_for_its_day(file_engine: AsyncEngine, clock: Clock) -> None:
    room = make_room(file_engine, clock, Box(), settings={"near_miss_digest_hours": 24})
    await room.jobs.once()
    clock.forward(12 * HOUR)
    assert "near_miss_digest" not in await room.jobs.once()
    clock.forward(11 * HOUR)
    assert "near_miss_digest" in await room.jobs.once()


async def test_a_worker_that_died_in_a_job_is_followed_by_another(engine: AsyncEngine, clock: Clock) -> None:
    room = make_room(engine, clock, Box())
    dead = Jobs(room.leaks, reviews=lambda: (), worker="dead", zone=UTC, digest_hours=1)

    async def die() -> None:
        raise asyncio.CancelledError

    await room.jobs.once()
    clock.forward(HOUR)
    dead._jobs = tuple(type(job)(job.name, job.period, die) for job in dead._jobs[:2])
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await dead.once()
    clock.forward(LEASE - 1)
    assert await room.jobs.once() == []  # still leased to the dead
    clock.forward(2)
    assert await room.jobs.once() == ["near_miss_digest", "review_dates"]


@pytest.mark.parametrize(
    ("days", "told"),
    [(31, []), (30, [30]), (29, [29]), (8, [8]), (7, [7]), (2, [2]), (1, [1]), (0, [0]), (-1, [])],
)
async def test_review_dates_are_told_within_30_7_and_1_days(
    file_engine: AsyncEngine, clock: Clock, days: int, told: list[int]
) -> None:
    today = datetime.fromtimestamp(START, UTC).date()
    due = date.fromordinal(today.toordinal() + days)
    box = Box()
    room = make_room(file_engine, clock, box, reviews=lambda: [("mistral", due)])
    await room.jobs.remind()
    await room.jobs.remind()
    await drain(room)
    assert [(p.alert.kind, p.alert.tool, p.alert.days) for p in box.parcels] == [
        (Kind.REVIEW_DUE, "mistral", day) for day in told
    ]


async def test_over_forty_days_a_review_date_is_told_three_times(engine: AsyncEngine, clock: Clock) -> None:
    today = datetime.fromtimestamp(START, UTC).date()
    reviews = [
        ("mistral", date.fromordinal(today.toordinal() + 35)),
        ("azure", date.fromordinal(today.toordinal() + 90)),
    ]
    box = Box()
    room = make_room(engine, clock, box, reviews=lambda: reviews)
    for _ in range(40):
        await room.jobs.once()
        await drain(room)
        clock.forward(DAY)
    assert [(p.alert.tool, p.alert.days) for p in box.parcels] == [("mistral", 30), ("mistral", 7), ("mistral", 1)]


async def test_old_delivered_rows_go_after_thirty_days(file_engine: AsyncEngine, clock: Clock) -> None:
    room = make_room(file_engine, clock, Box())
    await room.leaks.near_miss(miss())
    await drain(room)
    await room.jobs.once()
    clock.forward(31 * DAY)
    await room.jobs.once()
    async with file_engine.connect() as connection:
        rows: Any = await connection.exec_driver_sql("select count(*) from outbox where kind = 'near_miss_first'")
        assert rows.scalar_one() == 0


async def test_a_job_that_fails_does_not_stop_the_others_and_is_tried_again(
    file_engine: AsyncEngine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> list[tuple[str, date]]:
        raise KeyError("85.07.30-000.61")

    room = make_room(file_engine, clock, Box(), reviews=broken)
    assert await room.jobs.once() == ["outbox_purge"]
    assert await room.jobs.once() == []
    assert "000.61" not in caplog.text
    room = make_room(file_engine, clock, Box())
    clock.forward(LEASE + 1)
    assert "review_dates" in await room.jobs.once()


async def test_a_store_that_is_away_is_waited_for(clock: Clock) -> None:
    engine = create_engine("postgresql+asyncpg://x@127.0.0.1:1/x")
    assert await make_room(engine, clock, Box()).jobs.once() == []
    await engine.dispose()
