import asyncio
import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.records.lookup import find
from gateway.records.retention import incident_until, lift_hold, place_hold, purge, purge_daily, retain_until
from gateway.records.store import RecordStore
from gateway.records.tables import holds, intents, outcomes, retention_runs
from tests.gateway.records import samples

DAY = 86_400_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("start", "until"),
    [
        ("2026-11-22T10:00:00", "2027-05-23T00:00:00"),
        ("2026-11-22T00:00:00", "2027-05-23T00:00:00"),
        ("2026-11-22T23:59:59.999", "2027-05-23T00:00:00"),
        ("2026-08-31T12:00:00", "2027-03-01T00:00:00"),  # no 31 February: its last day
        ("2027-08-31T12:00:00", "2028-03-01T00:00:00"),  # a leap year
        ("2026-06-30T12:00:00", "2026-12-31T00:00:00"),
        ("2026-12-31T12:00:00", "2027-07-01T00:00:00"),
        ("2026-05-31T12:00:00", "2026-12-01T00:00:00"),
    ],
)
def test_the_term_is_six_calendar_months_to_the_end_of_the_day(start: str, until: str) -> None:
    assert retain_until(ms(start)) == ms(until)


def test_a_longer_term_can_be_asked_and_a_shorter_one_not() -> None:
    assert retain_until(ms("2026-11-22T10:00:00"), months=12) == ms("2027-11-23T00:00:00")
    with pytest.raises(ValueError, match="six months"):
        retain_until(0, months=5)


def test_records_of_an_incident_are_held_for_three_years() -> None:
    assert incident_until(ms("2026-11-22T10:00:00")) == ms("2029-11-23T00:00:00")


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 UTC is added in ms
def test_no_term_is_shorter_than_the_shortest_six_months(start: datetime) -> None:
    moment = ms(start.isoformat())
    assert 181 * DAY <= retain_until(moment) - moment <= 185 * DAY


async def fill(engine: AsyncEngine, *ends: int) -> list[str]:
    """Closed exchanges whose terms end at `ends`."""
    store = RecordStore(engine, worker="w-test")
    await store.start()
    rows = [samples.intent(retain_until=end) for end in ends]
    await asyncio.gather(*(store.intent(row) for row in rows))
    for row in rows:
        store.outcome(samples.outcome(row.request_id))
    await store.stop()
    return [row.request_id for row in rows]


async def left(engine: AsyncEngine) -> tuple[set[str], set[str]]:
    async with engine.connect() as connection:
        return (
            set((await connection.execute(select(intents.c.request_id))).scalars()),
            set((await connection.execute(select(outcomes.c.request_id))).scalars()),
        )


async def test_what_has_passed_its_term_goes_and_the_rest_stays(engine: AsyncEngine) -> None:
    references = await fill(engine, 999, 1000, 1001)
    done = await purge(engine, 1000)
    assert (done.deleted, done.held, done.finished) == (2, 0, True)
    assert await left(engine) == ({references[2]}, {references[2]})


async def test_small_batches_remove_everything(engine: AsyncEngine) -> None:
    await fill(engine, *range(25))
    assert (await purge(engine, 1000, batch=10)).deleted == 25
    assert await left(engine) == (set(), set())


async def test_an_intent_that_never_got_an_outcome_goes_too(store: RecordStore, engine: AsyncEngine) -> None:
    await store.intent(samples.intent(retain_until=5))
    assert (await purge(engine, 1000)).deleted == 1


async def test_a_hold_keeps_both_rows_until_it_ends_or_is_lifted(engine: AsyncEngine) -> None:
    first, second, third = await fill(engine, 10, 10, 10)
    async with engine.begin() as connection:
        for _ in range(2):  # twice is fine
            await place_hold(connection, first, incident="inc-1", at=5, until=None)
            await place_hold(connection, second, incident="inc-2", at=5, until=2000)
    done = await purge(engine, 1000)
    assert (done.deleted, done.held) == (1, 2)
    assert await find(engine, third) is None
    assert await left(engine) == ({first, second}, {first, second})
    record = await find(engine, first)
    assert record is not None
    assert record.on_hold
    assert (await purge(engine, 2000)).deleted == 1
    async with engine.begin() as connection:
        assert await lift_hold(connection, incident="inc-1") == 1
    assert (await purge(engine, 2000)).deleted == 1
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(holds))).scalar_one() == 0


async def test_every_run_is_recorded(engine: AsyncEngine) -> None:
    await fill(engine, 10)
    await purge(engine, 1000)
    await purge(engine, 2000)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(retention_runs.c.at, retention_runs.c.deleted))).all()
    assert [tuple(row) for row in rows] == [(1000, 1), (2000, 0)]


async def test_two_purges_at_once_do_the_work_once(postgres: AsyncEngine) -> None:
    await fill(postgres, *range(30))
    done = await asyncio.gather(*(purge(postgres, 1000, batch=5) for _ in range(3)))
    assert sum(run.deleted for run in done) == 30
    assert [run.finished for run in done].count(False) >= 1


async def test_records_are_written_while_a_purge_runs(engine: AsyncEngine) -> None:
    await fill(engine, *range(200))
    store = RecordStore(engine, worker="w-busy")
    await store.start()
    running = asyncio.create_task(purge(engine, 1000, batch=10))
    written = 0
    while not running.done():
        await store.intent(samples.intent(worker="w-busy"))
        written += 1
    assert (await running).deleted == 200
    assert written > 0
    await store.stop()


async def test_the_bytes_of_a_removed_record_are_gone_from_the_file(sqlite: AsyncEngine, tmp_path: Path) -> None:
    store = RecordStore(sqlite, worker="w-test")
    await store.start()
    row = samples.intent(actor="a1-tobeforgotten", retain_until=5)
    await store.intent(row)
    store.outcome(samples.outcome(row.request_id))
    await store.stop()
    await purge(sqlite, 1000)
    await sqlite.dispose()
    with contextlib.closing(sqlite3.connect(tmp_path / "sluis.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"tobeforgotten" not in (tmp_path / "sluis.db").read_bytes()


async def test_the_periodic_job_survives_a_database_that_fails(sqlite: AsyncEngine) -> None:
    await fill(sqlite, 10)
    async with sqlite.begin() as connection:
        await connection.run_sync(intents.drop)
    job = asyncio.create_task(purge_daily(sqlite, every=0.01, clock=lambda: 1.0))
    await asyncio.sleep(0.1)
    async with sqlite.begin() as connection:
        await connection.run_sync(intents.create)
    question = select(func.count()).select_from(retention_runs)
    while True:
        async with sqlite.connect() as connection:
            if (await connection.execute(question)).scalar_one():
                break
        await asyncio.sleep(0.01)
    assert not job.done()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
