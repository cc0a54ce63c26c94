import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.records import workers as rules
from gateway.records.lookup import find
from gateway.records.store import RecordStore, close_open
from gateway.records.tables import outcomes, workers
from tests.gateway.records import samples

NOW = samples.START
MINUTE = 60_000


async def leave_open(engine: AsyncEngine, worker: str, at: int, count: int = 2) -> list[str]:
    """A worker that stores intents, one of them with its outcome, and is never heard of again; the open ones."""
    store = RecordStore(engine, worker=worker, clock=lambda: at / 1000)
    await store.start()
    rows = [samples.intent(worker=worker) for _ in range(count + 1)]
    await asyncio.gather(*(store.intent(row) for row in rows))
    store.outcome(samples.outcome(rows[0].request_id))
    await store.drain()
    assert store._task is not None
    store._task.cancel()
    assert store._beater is not None
    store._beater.cancel()
    await asyncio.wait({store._task})
    await store._writer.close()
    return [row.request_id for row in rows[1:]]


async def alive(engine: AsyncEngine, worker: str, *, since: int, now: int) -> None:
    """Heartbeats of a worker without a gap."""
    for at in range(since, now + 1, 30_000):
        async with engine.begin() as connection:
            await connection.run_sync(rules.beat, rules.Beat(worker, at, 0))


async def endings(engine: AsyncEngine) -> dict[str, str]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(outcomes.c.request_id, outcomes.c.ended_by))
        return {row[0]: row[1] for row in rows}


async def test_with_sqlite_every_other_worker_is_dead_at_start(sqlite: AsyncEngine) -> None:
    left = await leave_open(sqlite, "w-old", NOW)
    assert await close_open(sqlite, worker="w-new", now=NOW + 2500) == 2
    assert {r: e for r, e in (await endings(sqlite)).items() if r in left} == dict.fromkeys(left, "interrupted")
    record = await find(sqlite, left[0])
    assert record is not None
    assert record.outcome is not None
    assert (record.outcome["status"], record.outcome["error_type"]) == (0, "interrupted")
    assert record.outcome["latency_ms"] == 2500
    assert await close_open(sqlite, worker="w-new", now=NOW + 5000) == 0


async def test_the_own_open_exchanges_are_left_alone(store: RecordStore, engine: AsyncEngine) -> None:
    await store.intent(samples.intent())
    await alive(engine, "w-test", since=NOW, now=NOW + 10 * MINUTE)
    assert await close_open(engine, worker="w-test", now=NOW + 10 * MINUTE) == 0
    assert store.open_count == 1


async def test_a_silent_worker_is_dead_after_a_minute_and_not_before(postgres: AsyncEngine) -> None:
    left = await leave_open(postgres, "w-old", NOW)
    await alive(postgres, "w-new", since=NOW - 5 * MINUTE, now=NOW + MINUTE)
    assert await close_open(postgres, worker="w-new", now=NOW + MINUTE - 1) == 0
    await alive(postgres, "w-new", since=NOW + MINUTE, now=NOW + 2 * MINUTE)
    assert await close_open(postgres, worker="w-new", now=NOW + 2 * MINUTE) == len(left)


async def test_after_an_outage_in_which_all_were_silent_nobody_is_dead(postgres: AsyncEngine) -> None:
    await leave_open(postgres, "w-other", NOW)
    await alive(postgres, "w-new", since=NOW - 5 * MINUTE, now=NOW)
    back = NOW + 10 * MINUTE  # ten minutes without a database
    await alive(postgres, "w-new", since=back, now=back)
    assert await close_open(postgres, worker="w-new", now=back) == 0
    await alive(postgres, "w-other", since=back, now=back)
    await alive(postgres, "w-new", since=back, now=back + 2 * MINUTE)
    await alive(postgres, "w-other", since=back, now=back + 2 * MINUTE)
    assert await close_open(postgres, worker="w-new", now=back + 2 * MINUTE) == 0


async def test_a_worker_that_stopped_in_order_is_swept_at_once(postgres: AsyncEngine) -> None:
    gone = RecordStore(postgres, worker="w-gone", clock=lambda: NOW / 1000)
    await gone.start()
    await gone.intent(samples.intent(worker="w-gone"))
    assert await gone.stop()
    assert await close_open(postgres, worker="w-new", now=NOW + 1000) == 1


async def test_a_worker_taken_for_dead_that_comes_back_is_judged_anew(postgres: AsyncEngine) -> None:
    await leave_open(postgres, "w-slow", NOW)
    await alive(postgres, "w-new", since=NOW - 5 * MINUTE, now=NOW + 2 * MINUTE)
    assert await close_open(postgres, worker="w-new", now=NOW + 2 * MINUTE) == 2
    await alive(postgres, "w-slow", since=NOW + 2 * MINUTE, now=NOW + 2 * MINUTE)
    async with postgres.connect() as connection:
        swept = await connection.execute(select(workers.c.swept_at).where(workers.c.worker == "w-slow"))
        assert swept.scalar_one() is None


async def test_two_sweepers_at_once_close_each_exchange_once(engine: AsyncEngine) -> None:
    left = await leave_open(engine, "w-old", NOW, count=50)
    if engine.dialect.name == "postgresql":
        for name in ("w-a", "w-b"):
            await alive(engine, name, since=NOW - 5 * MINUTE, now=NOW + 2 * MINUTE)
    done = await asyncio.gather(*(close_open(engine, worker=w, now=NOW + 2 * MINUTE) for w in ("w-a", "w-b")))
    assert sum(done) == len(left)
    assert len(await endings(engine)) == len(left) + 1


async def test_an_outcome_that_comes_after_the_sweep_changes_nothing(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent()
    await store.intent(row)
    async with engine.begin() as connection:
        await connection.run_sync(rules._close, "w-test", 0, NOW)
    store.outcome(samples.outcome(row.request_id))
    await store.drain()
    assert await endings(engine) == {row.request_id: "interrupted"}
    assert store.ready


async def test_the_published_seq_never_passes_an_open_exchange(store: RecordStore, engine: AsyncEngine) -> None:
    """The sweep only looks above `closed_seq`; an open exchange below it would never be closed."""
    seqs: dict[str, int] = {}
    waiting: list[str] = []
    dice = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]
    for step in dice:
        for _ in range(step):
            row = samples.intent()
            await store.intent(row)
            waiting.append(row.request_id)
            record = await find(engine, row.request_id)
            assert record is not None
            seqs[row.request_id] = record.intent["seq"]
        for _ in range(len(waiting) // 2):
            store.outcome(samples.outcome(waiting.pop(0)))
        store._beat_due = True
        store._stir()
        await store.drain()
        async with engine.connect() as connection:
            published = (await connection.execute(select(workers.c.closed_seq))).scalar_one()
        assert all(seqs[reference] > published for reference in waiting)
    assert published > 0  # it does move


async def test_a_heartbeat_is_written_while_nothing_happens(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.records.store.BEAT_EVERY", 0.01)
    ticks = iter(range(1_000_000))
    store = RecordStore(engine, worker="w-test", clock=lambda: NOW / 1000 + next(ticks))
    await store.start()
    question = select(workers.c.seen_at).where(workers.c.worker == "w-test")
    seen: set[int] = set()
    while len(seen) < 3:
        async with engine.connect() as connection:
            seen.add((await connection.execute(question)).scalar_one())
        await asyncio.sleep(0.01)
    await store.stop()


async def test_a_heartbeat_gap_restarts_the_steady_time(engine: AsyncEngine) -> None:
    question = select(workers.c.steady_since).where(workers.c.worker == "w")
    for at, steady in ((0, 0), (59_000, 0), (118_000, 0), (179_000, 179_000), (200_000, 179_000)):
        async with engine.begin() as connection:
            await connection.run_sync(rules.beat, rules.Beat("w", NOW + at, 0))
            assert (await connection.execute(question)).scalar_one() == NOW + steady
