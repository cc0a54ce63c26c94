"""Which gateway workers live, and the closing of exchanges whose worker died (promise 3).

A worker writes a heartbeat in `workers`. One that is silent for `DEAD_AFTER` is dead, but only in the eyes of a worker
whose own heartbeats came without a gap that long: after an outage of the database everybody was silent, and nobody is
dead. With SQLite there is one gateway, so at its start every other worker is dead.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Select, and_, case, exists, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.logs import Log
from gateway.records.rows import INTERRUPTED
from gateway.records.tables import intents, outcomes, workers

_log = Log("gateway.records")

BEAT_EVERY: Final = 5.0
"""Seconds between heartbeats."""
DEAD_AFTER: Final = 60.0
"""Seconds without a heartbeat after which a worker counts as dead (PostgreSQL)."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One heartbeat; `now` in ms UTC. `ended`: the worker stopped in order."""

    worker: str
    now: int
    closed_seq: int
    ended: bool = False


def highest_seq(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(intents.c.seq), 0))).scalar_one())


def beat(connection: Connection, heartbeat: Beat) -> None:
    """Write one heartbeat; a worker that others took for dead is back among the living."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    now = heartbeat.now
    gap = now - int(DEAD_AFTER * 1000)
    statement = make(workers).values(
        worker=heartbeat.worker, started_at=now, seen_at=now, steady_since=now, closed_seq=heartbeat.closed_seq,
        ended_at=now if heartbeat.ended else None,
    )  # fmt: skip
    steady = case((workers.c.seen_at > gap, workers.c.steady_since), else_=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["worker"],
            set_={
                "seen_at": now,
                "steady_since": steady,
                "closed_seq": heartbeat.closed_seq,
                "ended_at": statement.excluded.ended_at,
                "swept_at": None,
            },
        )
    )


def _dead(dialect: str, worker: str, now: int) -> "Select[str, int]":
    """Workers that will not write any more and were not swept yet."""
    silent = now - int(DEAD_AFTER * 1000)
    question = select(workers.c.worker, workers.c.closed_seq).where(
        workers.c.worker != worker, workers.c.swept_at.is_(None)
    )
    if dialect == "sqlite":
        return question
    me = workers.alias("me")
    steady = exists().where(me.c.worker == worker, me.c.steady_since < silent, me.c.seen_at > silent)
    return question.where(or_(workers.c.ended_at.is_not(None), and_(workers.c.seen_at < silent, steady)))


def _close(connection: Connection, worker: str, closed_seq: int, now: int) -> int:
    """Give every open intent of a dead worker its outcome."""
    has_outcome = exists().where(outcomes.c.request_id == intents.c.request_id)
    values = {
        "request_id": intents.c.request_id,
        "ts_end": literal(now),
        "status": literal(0),
        "error_type": literal(INTERRUPTED),
        "finish_reasons": literal("[]"),
        "model_changed": literal(False),
        "latency_ms": literal(float(now)) - intents.c.ts_start,
        "bytes_up": literal(0),
        "bytes_down": literal(0),
        "ended_by": literal("interrupted"),
    }
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    open_ones = select(*values.values()).where(intents.c.worker == worker, intents.c.seq > closed_seq, ~has_outcome)
    done = connection.execute(
        make(outcomes)
        .from_select(list(values), open_ones, include_defaults=False)
        .on_conflict_do_nothing(index_elements=["request_id"])
    )
    connection.execute(update(workers).where(workers.c.worker == worker).values(swept_at=now))
    return max(done.rowcount, 0)


async def close_open(engine: AsyncEngine, *, worker: str, now: int) -> int:
    """Close the exchanges of dead workers as `interrupted`; returns how many. Run it at start and periodically.

    `worker` is the caller's own name, which is never judged; `now` in ms UTC. Safe in several workers at once.
    """
    closed = 0
    async with engine.connect() as connection:
        dead = (await connection.execute(_dead(connection.dialect.name, worker, now))).all()
    for name, closed_seq in dead:
        async with engine.begin() as connection:
            closed += await connection.run_sync(_close, name, closed_seq, now)
    return closed


async def close_open_always(
    engine: AsyncEngine, *, worker: str, clock: Callable[[], float], every: float = 15.0
) -> None:
    """Close what dead workers left open, now and every `every` seconds until cancelled. A failed try is repeated."""
    while True:
        try:
            closed = await close_open(engine, worker=worker, now=int(clock() * 1000))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.error("close_open_failed", error_type=type(error).__name__)
        else:
            if closed:
                _log.warning("exchanges_interrupted", count=closed)
        await asyncio.sleep(every)


async def register(engine: AsyncEngine, *, worker: str, now: int) -> int:
    """Write the first heartbeat before the first intent; returns the seq below which nothing is this worker's."""
    async with engine.begin() as connection:
        seq = await connection.run_sync(highest_seq)
        await connection.run_sync(beat, Beat(worker, now, seq))
        return seq
