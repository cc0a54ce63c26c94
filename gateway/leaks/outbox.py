"""The outbox: an alert is a row in the same transaction as what it tells of, and stays until it was accepted.

At least once: a dispatcher that dies between sending and marking lets another send again, with the same id.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.leaks.alerts import Alert, Kind
from gateway.leaks.channels import AlertChannel, Parcel
from gateway.leaks.store import insert_new, transaction
from gateway.leaks.tables import outbox, told

BASE_DELAY: Final = 5.0  # seconds before the second attempt; doubles each time
MAX_DELAY: Final = 900.0  # a server that comes back gets its mail within a quarter of an hour
LEASE: Final = 180.0  # seconds; longer than any channel takes for one parcel
DAY: Final = 86400.0

Recipients = Callable[[Kind], Sequence[tuple[str, str]]]
"""Addresses and languages of those who must be told; from the policy in force."""


@dataclass(frozen=True, slots=True)
class OutboxState:
    """For metrics: rows that wait, rows given up, and how long the oldest waiting row has waited (seconds)."""

    waiting: int
    failed: int
    oldest: float


@dataclass(frozen=True, slots=True)
class Leased:
    """A parcel that this worker may send until its lease ends."""

    parcel: Parcel
    channel: str
    attempts: int


class Outbox:
    """Writes alerts into rows and hands rows to dispatchers, each row to one at a time."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        channels: Sequence[AlertChannel],
        recipients: Recipients,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        retry_days: int = 7,
        random: Random | None = None,
    ) -> None:
        self.engine = engine
        self.channels = {channel.name: channel for channel in channels}
        self.recipients = recipients
        self.clock = clock
        self._new_id = new_id
        self._keep_trying = retry_days * DAY
        self._random = random or Random()  # noqa: S311  spreads retries in time, protects nothing
        self.wake = asyncio.Event()

    async def post(self, connection: AsyncConnection, alert: Alert, *, once: str = "") -> bool:
        """Write the rows of one alert inside the caller's transaction; call `wake.set()` after it.

        With `once`, an alert under a key that was told before is dropped (several workers see the same change).
        Returns whether rows were due.
        """
        now = self.clock()
        if once and not await insert_new(connection, told, {"key": once[:200], "at": now}):
            return False
        alert_id = self._new_id()
        rows = [
            self._row(alert, alert_id, channel.name, address, language)
            for channel in self.channels.values()
            for address, language in self._addresses(channel, alert.kind)
        ]
        if rows:
            await connection.execute(insert(outbox), rows)
        return True

    def _addresses(self, channel: AlertChannel, kind: Kind) -> Sequence[tuple[str, str]]:
        """Who gets a row; one row without an address when nobody is known yet, so that no alert is dropped."""
        if not channel.addressed:
            return [("", "en")]
        return list(dict.fromkeys(self.recipients(kind))) or [("", "nl")]

    def _row(self, alert: Alert, alert_id: str, channel: str, address: str, language: str) -> dict[str, Any]:
        now = self.clock()
        return {
            "id": self._new_id(),
            "alert_id": alert_id,
            "channel": channel,
            "kind": alert.kind.value,
            "recipient": address,
            "language": language,
            "payload": alert.to_json(),
            "created_at": now,
            "attempts": 0,
            "next_attempt_at": now,
            "locked_until": 0.0,
            "locked_by": "",
            "sent_at": None,
            "failed_at": None,
            "failure": "",
        }

    async def lease(self, worker: str, limit: int) -> list[Leased]:
        """Take rows that are due. One statement for both dialects: PostgreSQL skips rows that others hold,
        SQLite has one writer. An attempt counts from the lease on, so a row that kills its worker is seen.
        """
        now = self.clock()
        waiting = (
            select(outbox.c.id)
            .where(outbox.c.next_attempt_at <= now, outbox.c.locked_until < now)
            .where(outbox.c.channel.in_(list(self.channels)))
            .order_by(outbox.c.next_attempt_at, outbox.c.id)
        )
        due = waiting.limit(limit).with_for_update(skip_locked=True).cte("due")
        statement = (
            update(outbox)
            .where(outbox.c.id.in_(select(due.c.id)))
            .values(locked_until=now + LEASE, locked_by=worker, attempts=outbox.c.attempts + 1)
            .returning(outbox)
        )
        async with transaction(self.engine) as connection:
            if (await connection.execute(waiting.limit(1))).first() is None:
                return []  # looking takes no lock: an idle outbox must not hold up SQLite's one writer
            rows = sorted((await connection.execute(statement)).all(), key=lambda row: (row.created_at, row.id))
            items = {row.id: _leased(row) for row in rows}
            unreadable = [key for key, item in items.items() if item is None]
            if unreadable:  # of another version of ours: it waits, and must not stop the others
                values = {"failure": "payload", "locked_until": 0.0, "next_attempt_at": now + MAX_DELAY}
                await connection.execute(update(outbox).where(outbox.c.id.in_(unreadable)).values(**values))
        return [item for item in items.values() if item is not None]

    async def sent(self, item: Leased) -> None:
        """Accepted by the other side: nothing more to do, whoever holds the lease by now."""
        values = {"sent_at": self.clock(), "next_attempt_at": None, "locked_until": 0.0, "failure": ""}
        async with transaction(self.engine) as connection:
            await connection.execute(update(outbox).where(outbox.c.id == item.parcel.id).values(**values))

    async def failed(self, item: Leased, failure: str, worker: str) -> bool:
        """Not accepted: later again, or given up when the alert is too old. Returns whether it was given up."""
        now = self.clock()
        given_up = now - item.parcel.created_at >= self._keep_trying
        delay = min(MAX_DELAY, BASE_DELAY * 2.0 ** min(item.attempts - 1, 20)) * self._random.uniform(0.5, 1.0)
        values = {
            "locked_until": 0.0,
            "failure": failure[:64],
            "next_attempt_at": None if given_up else now + delay,
            "failed_at": now if given_up else None,
        }
        mine = (outbox.c.id == item.parcel.id, outbox.c.locked_by == worker, outbox.c.sent_at.is_(None))
        async with transaction(self.engine) as connection:
            await connection.execute(update(outbox).where(*mine).values(**values))
        return given_up

    async def address(self, item: Leased) -> bool:
        """Give a row without an address its recipients, now that policy names some. False when it still names none."""
        found = list(dict.fromkeys(self.recipients(item.parcel.alert.kind)))
        if not found:
            return False
        (address, language), *others = found
        more = [self._row(item.parcel.alert, item.parcel.alert_id, item.channel, *other) for other in others]
        values = {"recipient": address, "language": language, "locked_until": 0.0, "next_attempt_at": self.clock()}
        async with transaction(self.engine) as connection:
            unaddressed = (outbox.c.id == item.parcel.id, outbox.c.recipient == "")
            result = await connection.execute(update(outbox).where(*unaddressed).values(**values))
            if more and result.rowcount == 1:
                await connection.execute(insert(outbox), more)
        self.wake.set()
        return True

    async def state(self) -> OutboxState:
        """Counts for metrics. Raises Unavailable."""
        waiting = outbox.c.next_attempt_at.is_not(None)
        async with transaction(self.engine) as connection:
            query = select(func.count(), func.min(outbox.c.created_at)).where(waiting)
            number, oldest = (await connection.execute(query)).one()
            failed = select(func.count()).where(outbox.c.failed_at.is_not(None))
            given_up = (await connection.execute(failed)).scalar_one()
        return OutboxState(number, given_up, max(0.0, self.clock() - oldest) if oldest is not None else 0.0)

    async def purge(self, before: float) -> int:
        """Remove rows delivered before a moment (POSIX seconds). Rows given up stay: somebody must look at them."""
        async with transaction(self.engine) as connection:
            return (await connection.execute(delete(outbox).where(outbox.c.sent_at < before))).rowcount

    async def forget(self, before: float) -> int:
        """Remove what was told once before a moment; it must lie further back than any reminder reaches ahead."""
        async with transaction(self.engine) as connection:
            return (await connection.execute(delete(told).where(told.c.at < before))).rowcount


def _leased(row: Any) -> Leased | None:
    try:
        alert = Alert.from_json(row.payload)
    except (TypeError, ValueError, KeyError):
        return None
    parcel = Parcel(row.id, row.alert_id, row.recipient, row.language, row.created_at, alert)
    return Leased(parcel, row.channel, row.attempts)
