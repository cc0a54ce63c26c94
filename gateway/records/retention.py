"""How long records live: six calendar months at least, longer under a hold, and then they go (R1; AI Act 26(6)).

The term ends with the last hour of its last day (Regulation 1182/71, art. 3), in UTC, which is later than in Brussels
or The Hague. The removal runs in small batches, so that no request waits for it, and is itself recorded.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from sqlalchemy import delete, exists, func, insert, or_, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.logs import Log
from gateway.records.tables import holds, intents, outcomes, retention_runs

MONTHS: Final = 6
INCIDENT_YEARS: Final = 3  # BIO2 5.28.01: records of an incident
_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)
_PURGE_LOCK: Final = 7_305_511  # advisory lock: one worker purges
_log = Log("gateway.records")


def retain_until(start: int, months: int = MONTHS) -> int:
    """The first moment (ms UTC) at which a record that began at `start` (ms UTC) may go."""
    if months < MONTHS:
        raise ValueError("records are kept for six months at least")
    return _day_after_term(start // _DAY_MS, months) * _DAY_MS


@lru_cache(maxsize=64)
def _day_after_term(day: int, months: int) -> int:
    return (_add_months(_EPOCH + timedelta(days=day), months) - _EPOCH).days + 1


def _add_months(day: date, months: int) -> date:
    """The same day `months` later; the month's last day where that does not exist."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first_of_next = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), first_of_next - timedelta(days=1))


def incident_until(at: int) -> int:
    """Until when (ms UTC) records of an incident that was known at `at` are held."""
    return _day_after_term(at // _DAY_MS, INCIDENT_YEARS * 12) * _DAY_MS


@dataclass(frozen=True, slots=True)
class Purged:
    """What a run removed and what it kept for a hold."""

    deleted: int
    held: int
    finished: bool


async def place_hold(
    connection: AsyncConnection, request_id: str, *, incident: str, at: int, until: int | None
) -> None:
    """Keep one exchange beyond its term for an incident; until it is lifted when `until` is None. Twice is fine."""
    known = select(holds.c.seq).where(holds.c.request_id == request_id, holds.c.incident == incident)
    if (await connection.execute(known)).first() is None:
        await connection.execute(
            insert(holds).values(request_id=request_id, incident=incident, placed_at=at, hold_until=until)
        )


async def lift_hold(connection: AsyncConnection, *, incident: str) -> int:
    """End all holds of an incident; returns how many."""
    return max((await connection.execute(delete(holds).where(holds.c.incident == incident))).rowcount, 0)


async def purge(engine: AsyncEngine, now: int, batch: int = 500) -> Purged:
    """Delete what has passed its term at `now` (ms UTC), `batch` exchanges a transaction; record the run.

    Raises what the database raises; what was deleted until then stays deleted, and the next run goes on.
    """
    deleted = 0
    is_sqlite = engine.dialect.name == "sqlite"
    async with engine.connect() as connection:
        if not is_sqlite and not await _alone(connection):
            return Purged(0, 0, finished=False)
        try:
            if is_sqlite:  # the bytes go too, not only the rows
                await connection.exec_driver_sql("PRAGMA secure_delete=ON")
            while count := await _purge_some(connection, now, batch):
                deleted += count
                await asyncio.sleep(0.01)  # requests go first
            held = await _held(connection, now)
            await connection.execute(insert(retention_runs).values(at=now, deleted=deleted, held=held, finished=True))
            await connection.commit()
            if is_sqlite and deleted:
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            if not is_sqlite:
                await connection.rollback()
                await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _PURGE_LOCK})
                await connection.commit()
    return Purged(deleted, held, finished=True)


async def _alone(connection: AsyncConnection) -> bool:
    got = (await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _PURGE_LOCK})).scalar_one()
    await connection.commit()
    return bool(got)


async def _purge_some(connection: AsyncConnection, now: int, batch: int) -> int:
    on_hold = exists().where(
        holds.c.request_id == intents.c.request_id, or_(holds.c.hold_until.is_(None), holds.c.hold_until > now)
    )
    found = await connection.execute(
        select(intents.c.request_id)
        .where(intents.c.retain_until <= now, ~on_hold)
        .order_by(intents.c.retain_until)
        .limit(batch)
    )
    some = [row.request_id for row in found]
    await connection.rollback()
    if some:
        for table in (outcomes, holds, intents):
            await connection.execute(delete(table).where(table.c.request_id.in_(some)))
        await connection.commit()
    return len(some)


async def _held(connection: AsyncConnection, now: int) -> int:
    counted = await connection.execute(
        select(func.count(func.distinct(holds.c.request_id)))
        .join(intents, intents.c.request_id == holds.c.request_id)
        .where(intents.c.retain_until <= now)
    )
    value = int(counted.scalar_one())
    await connection.rollback()
    return value


async def purge_daily(
    engine: AsyncEngine, *, every: float = 3600.0, clock: Callable[[], float], batch: int = 500
) -> None:
    """Purge now and every `every` seconds until cancelled. A run that fails is logged and tried again at the next."""
    while True:
        try:
            done = await purge(engine, int(clock() * 1000), batch)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.error("purge_failed", error_type=type(error).__name__)
        else:
            _log.info("purged", count=done.deleted)
        await asyncio.sleep(every)


def utc(moment: int) -> datetime:
    """A moment of a record (ms UTC) as a datetime."""
    return datetime.fromtimestamp(moment / 1000, UTC)
