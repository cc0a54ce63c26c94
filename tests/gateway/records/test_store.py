import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.errors import Unavailable
from gateway.records.lookup import find
from gateway.records.store import RecordStore
from gateway.records.tables import intents, outcomes, workers
from tests.gateway.records import samples


async def count(engine: AsyncEngine, table: object = intents) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]


async def test_an_intent_is_stored_when_the_call_returns(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent()
    await store.intent(row)
    record = await find(engine, row.request_id)
    assert record is not None
    assert record.outcome is None
    assert record.intent["findings"] == [
        ["PERSON", "personal", "pseudonymize", 2],
        ["IBAN_CODE", "personal", "pseudonymize", 1],
    ]
    for field in ("actor", "unit", "tool_id", "stream", "decision", "policy_rule", "trace_id", "v"):
        assert record.intent[field] == getattr(row, field)
    assert store.open_count == 1


async def test_an_outcome_is_stored_once_and_the_first_counts(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent()
    await store.intent(row)
    store.outcome(samples.outcome(row.request_id))
    store.outcome(samples.outcome(row.request_id, status=500, ended_by="failed"))
    await store.drain()
    store.outcome(samples.outcome(row.request_id, status=501, ended_by="failed"))
    await store.drain()
    record = await find(engine, row.request_id)
    assert record is not None
    assert record.outcome is not None
    assert (record.outcome["status"], record.outcome["ended_by"]) == (200, "completed")
    assert (record.outcome["energy_wh_low"], record.outcome["water_ml_high"]) == (0.1, 0.8)
    assert record.outcome["label_language"] == "nl"
    assert record.outcome["ttfc_ms"] == 310.25
    assert (await count(engine, outcomes), store.open_count, store.pending_count) == (1, 0, 0)


async def test_an_outcome_without_an_intent_is_not_stored(store: RecordStore, engine: AsyncEngine) -> None:
    store.outcome(samples.outcome(samples.new_id()))
    await store.drain()
    assert await count(engine, outcomes) == 0


async def test_a_refused_exchange_gets_both_rows_in_one_commit(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent(decision="blocked")
    before = store.commits
    await store.refused(row, samples.outcome(row.request_id, status=400, ended_by="refused"))
    assert store.commits == before + 1
    record = await find(engine, row.request_id)
    assert record is not None
    assert record.outcome is not None
    assert record.outcome["ended_by"] == "refused"
    assert store.open_count == 0


async def test_the_two_rows_of_a_refusal_belong_together(store: RecordStore) -> None:
    with pytest.raises(ValueError, match="different exchanges"):
        await store.refused(samples.intent(), samples.outcome(samples.new_id()))


async def test_rows_that_come_together_share_a_commit(store: RecordStore, engine: AsyncEngine) -> None:
    rows = [samples.intent() for _ in range(200)]
    await asyncio.gather(*(store.intent(row) for row in rows))
    assert store.commits <= 3
    for row in rows:
        store.outcome(samples.outcome(row.request_id))
    await store.drain()
    assert store.commits <= 5
    assert (await count(engine), await count(engine, outcomes)) == (200, 200)


async def test_an_intent_alone_does_not_wait_for_others(store: RecordStore) -> None:
    for expected in range(1, 6):
        await store.intent(samples.intent())
        assert store.commits == expected


async def test_the_same_request_id_twice_is_refused_and_harms_no_other(store: RecordStore, engine: AsyncEngine) -> None:
    first = samples.intent()
    await store.intent(first)
    others = [samples.intent() for _ in range(3)]
    answers = await asyncio.gather(
        *(store.intent(row) for row in [others[0], first, *others[1:]]), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), Unavailable, type(None), type(None)]
    assert await count(engine) == 4


@pytest.mark.parametrize("bad", [{"bytes_up": 2**80}, {"input_tokens": 2**70}, {"latency_ms": "slow"}])
async def test_an_outcome_that_the_database_will_not_take_is_kept_as_its_ending(
    store: RecordStore, engine: AsyncEngine, bad: dict[str, object]
) -> None:
    rows = [samples.intent() for _ in range(3)]
    await asyncio.gather(*(store.intent(row) for row in rows))
    if engine.dialect.name == "sqlite" and "latency_ms" in bad:
        bad = {"latency_ms": object()}  # SQLite takes any text in a number's place
    store.outcome(samples.outcome(rows[0].request_id))
    store.outcome(samples.outcome(rows[1].request_id, **bad))
    store.outcome(samples.outcome(rows[2].request_id))
    await store.drain()
    endings = []
    for row in rows:
        record = await find(engine, row.request_id)
        assert record is not None
        assert record.outcome is not None
        endings.append((record.outcome["ended_by"], record.outcome["error_type"]))
    assert endings == [("completed", None), ("failed", "record_invalid"), ("completed", None)]
    assert store.ready


async def test_a_caller_that_leaves_while_its_intent_is_stored_is_closed_by_the_store(
    store: RecordStore, engine: AsyncEngine
) -> None:
    row = samples.intent()
    task = asyncio.create_task(store.intent(row))
    while not store._flight:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.outcome(samples.outcome(row.request_id))  # what a careless caller does in its finally
    while store.pending_count:
        await store.drain()
    record = await find(engine, row.request_id)
    assert record is not None
    assert record.outcome is not None
    assert record.outcome["ended_by"] == "client_left"
    assert store.open_count == 0


async def test_a_caller_cancelled_between_the_commit_and_its_answer_is_closed_by_the_store(
    store: RecordStore, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = samples.intent()
    settle = store._settle

    def and_hang_up(group: Any, closed: Any) -> None:
        settle(group, closed)
        task.cancel()  # the future has its result, the task has not run yet

    monkeypatch.setattr(store, "_settle", and_hang_up)
    task = asyncio.create_task(store.intent(row))
    await asyncio.wait([task])
    assert task.cancelled()
    await store.drain()
    record = await find(engine, row.request_id)
    assert record is not None
    assert record.outcome is not None
    assert record.outcome["ended_by"] == "client_left"
    assert store.open_count == 0


async def test_a_caller_that_leaves_before_its_intent_is_taken_leaves_nothing(
    store: RecordStore, engine: AsyncEngine
) -> None:
    task = asyncio.create_task(store.intent(samples.intent()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.intent(samples.intent())
    assert await count(engine) == 1


async def test_too_many_waiting_rows_refuse_the_next_intent(engine: AsyncEngine) -> None:
    store = RecordStore(engine, worker="w-test", max_pending=3)
    await store.start()
    tasks = [asyncio.create_task(store.intent(samples.intent())) for _ in range(5)]
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None)] * 3 + [Unavailable] * 2
    await store.stop()


async def test_stop_writes_what_is_queued_signs_off_and_then_refuses(engine: AsyncEngine) -> None:
    store = RecordStore(engine, worker="w-test")
    await store.start()
    rows = [samples.intent() for _ in range(20)]
    await asyncio.gather(*(store.intent(row) for row in rows))
    for row in rows:
        store.outcome(samples.outcome(row.request_id))
    assert await store.stop()
    assert await count(engine, outcomes) == 20
    async with engine.connect() as connection:
        assert (await connection.execute(select(workers.c.ended_at))).scalar_one() is not None
    with pytest.raises(Unavailable) as caught:
        await store.intent(samples.intent())
    assert caught.value.reason_code == "record_unavailable"


async def test_a_store_that_was_not_started_refuses(engine: AsyncEngine) -> None:
    with pytest.raises(Unavailable):
        await RecordStore(engine, worker="w-test").intent(samples.intent())


async def test_the_store_tells_its_state(store: RecordStore) -> None:
    assert store.ready
    await store.intent(samples.intent())
    assert 0 <= store.last_commit_age < 60
    assert store.pending_count == 0


async def test_rows_are_never_updated(store: RecordStore, engine: AsyncEngine) -> None:
    row = samples.intent()
    await store.intent(row)
    first = await find(engine, row.request_id)
    store.outcome(samples.outcome(row.request_id))
    await store.drain()
    second = await find(engine, row.request_id)
    assert first is not None
    assert second is not None
    assert first.intent == second.intent


async def test_the_writers_own_connection_commits_durably(store: RecordStore, engine: AsyncEngine) -> None:
    await store.intent(samples.intent())
    connection = await store._writer.connect()
    if engine.dialect.name == "sqlite":
        synchronous = (await connection.execute(text("PRAGMA synchronous"))).scalar_one()
        journal = (await connection.execute(text("PRAGMA journal_mode"))).scalar_one()
        assert (synchronous, journal) == (2, "wal")
    else:
        assert (await connection.execute(text("SHOW synchronous_commit"))).scalar_one() == "on"
        assert (await connection.execute(text("SHOW fsync"))).scalar_one() == "on"
    await connection.rollback()
