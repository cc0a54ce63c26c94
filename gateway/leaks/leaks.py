"""What the road and the routes call: near misses, suspicions, incidents, reports. Durable when a call returns.

Each call is one transaction that also holds its outbox rows: what is on record is told, what is told is on record.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filters.findings import Category, ScanError
from gateway.errors import REASON_CODES, Unavailable
from gateway.leaks.alerts import Alert, Kind, Source, counts, groups, line, listed, request_id
from gateway.leaks.incidents import Case, Incident, IncidentEvent, State
from gateway.leaks.ledger import Ledger
from gateway.leaks.outbox import Outbox
from gateway.leaks.store import LEAKS_UNAVAILABLE, insert_new, transaction
from gateway.leaks.tables import near_misses

HOUR: Final = 3600.0
MAX_NOTE: Final = 8000
MASK_TIMEOUT: Final = 30.0

Mask = Callable[[str], Awaitable[str]]
"""Scans a text that people wrote and replaces what it finds. Raises ScanError or Unavailable."""

Also = Callable[[AsyncConnection, str], Awaitable[None]]
"""What else belongs in the transaction, given the incident's reference: the record of who acted."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A blocked attempt. No text, no person; `request_id` leads the DPO to the record."""

    request_id: str
    at: float  # POSIX seconds
    unit: str
    tool: str
    categories: Sequence[Category]
    entity_types: Mapping[str, int] = field(default_factory=dict)  # entity type → number of findings
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the reporter is told. `note_kept` is False when the text could not be scanned and so was not kept."""

    reference: str
    note_kept: bool


async def _nothing_else(_connection: AsyncConnection, _reference: str) -> None:
    return


class Leaks:
    """The room's front door. All methods raise Unavailable when the store does not answer."""

    def __init__(self, outbox: Outbox, *, mask: Mask, new_id: Callable[[], str], zone: tzinfo = UTC) -> None:
        self.outbox = outbox
        self._engine = outbox.engine
        self._mask = mask
        self._clock = outbox.clock
        self._ledger = Ledger(outbox.clock, new_id, zone)

    async def near_miss(self, miss: NearMiss) -> None:
        """Record a blocked attempt; the first of a unit in an hour is mailed at once, the rest wait for the digest.

        Telling the same request twice changes nothing. Raises ValueError when `request_id` is not one of our UUIDs.
        """
        if request_id(miss.request_id) != miss.request_id or not miss.request_id:
            raise ValueError("a near miss needs the request's own id")
        values: dict[str, Any] = {
            "request_id": miss.request_id,
            "at": miss.at,
            "unit": line(miss.unit),
            "tool": line(miss.tool),
            "categories": sorted({listed(item, frozenset(Category)) for item in miss.categories}),
            "entity_types": counts(miss.entity_types),
            "reason_code": listed(miss.reason_code, REASON_CODES),
            "told_at": None,
        }
        alert = Alert(
            kind=Kind.NEAR_MISS_FIRST,
            at=miss.at,
            unit=miss.unit,
            tool=miss.tool,
            count=1,
            categories=tuple(values["categories"]),
            entity_types=values["entity_types"],
            references=(values["request_id"],),
            reason_code=miss.reason_code,
        )
        async with transaction(self._engine) as connection:
            if not await insert_new(connection, near_misses, values):
                return
            hour = int(miss.at // HOUR)
            if await self.outbox.post(connection, alert, once=f"near_miss:{hour}:{line(miss.unit)}"):
                mine = near_misses.c.request_id == values["request_id"]
                await connection.execute(update(near_misses).where(mine).values(told_at=self._clock()))
        self.outbox.wake.set()

    async def digest(self) -> int:
        """Mail the near misses that nobody was told of. Claims them in one statement: two workers never both do."""
        now = self._clock()
        claim = update(near_misses).where(near_misses.c.told_at.is_(None)).values(told_at=now).returning(near_misses)
        async with transaction(self._engine) as connection:
            rows = sorted((await connection.execute(claim)).all(), key=lambda row: row.at)
            if not rows:
                return 0
            alert = Alert(
                kind=Kind.NEAR_MISS_DIGEST,
                at=rows[-1].at,
                since=rows[0].at,
                count=len(rows),
                groups=groups(rows),
                references=tuple(row.request_id for row in rows),
            )
            await self.outbox.post(connection, alert)
        self.outbox.wake.set()
        return len(rows)

    async def suspicion(self, case: Case) -> str:
        """Something that a person must judge; no clock. Returns the reference."""
        return await self._from_gateway(case, State.SUSPICION, "", Kind.SUSPICION_OPENED)

    async def forwarded(self, case: Case) -> str:
        """Something left that policy should have stopped: an incident, known from now on. Returns the reference."""
        return await self._from_gateway(case, State.OPEN, Source.FORWARDED, Kind.INCIDENT_OPENED)

    async def report(self, case: Case, text: str, *, by_role: str, also: Also = _nothing_else) -> Receipt:
        """A person says that something went wrong. Text that cannot be scanned is not kept; the report always is."""
        try:
            note, kept = await self._masked(text), True
        except Unavailable:
            note, kept = "", False
        source = Source.SELF_REPORT.value
        async with transaction(self._engine) as connection:
            await self._ledger.serialize(connection)
            made = await self._ledger.open(
                connection, case, state=State.OPEN, source=source, by_role=by_role, note=note, note_kept=kept
            )
            await self.outbox.post(connection, _alert(Kind.INCIDENT_OPENED, made, by_role))
            await also(connection, made.reference)
        self.outbox.wake.set()
        return Receipt(made.reference, kept)

    async def confirm(
        self, reference: str, *, by_role: str, aware_at: float | None = None, also: Also = _nothing_else
    ) -> Incident:
        """Suspicion → open; the clock follows `aware_at` (now when None). Raises NotFound, BadRequest."""
        async with transaction(self._engine) as connection:
            await self._ledger.serialize(connection)
            made = await self._ledger.confirm(connection, reference, by_role=by_role, aware_at=aware_at)
            await self.outbox.post(connection, _alert(Kind.INCIDENT_OPENED, made, by_role))
            await also(connection, reference)
        self.outbox.wake.set()
        return made

    async def correct_aware_at(
        self, reference: str, *, by_role: str, aware_at: float, also: Also = _nothing_else
    ) -> Incident:
        """Move the clock of an open incident; the timeline keeps both moments. Raises NotFound, BadRequest."""
        async with transaction(self._engine) as connection:
            await self._ledger.serialize(connection)
            made = await self._ledger.correct(connection, reference, by_role=by_role, aware_at=aware_at)
            await also(connection, reference)
        return made

    async def close(self, reference: str, *, by_role: str, reason: str, also: Also = _nothing_else) -> Incident:
        """Open or suspicion → closed. Raises NotFound, BadRequest, and Unavailable when `reason` cannot be masked."""
        masked = await self._masked(reason)
        async with transaction(self._engine) as connection:
            await self._ledger.serialize(connection)
            made = await self._ledger.close(connection, reference, by_role=by_role, reason=masked)
            await self.outbox.post(connection, _alert(Kind.INCIDENT_CLOSED, made, by_role))
            await also(connection, reference)
        self.outbox.wake.set()
        return made

    async def incidents(self, state: State | None = None, *, limit: int = 100, offset: int = 0) -> list[Incident]:
        """Incidents and suspicions, newest first."""
        async with transaction(self._engine) as connection:
            return await self._ledger.newest(connection, state, limit, offset)

    async def states(self) -> dict[State, int]:
        """How many incidents are in each state; for metrics."""
        async with transaction(self._engine) as connection:
            return await self._ledger.states(connection)

    async def show(self, reference: str) -> tuple[Incident, list[IncidentEvent]]:
        """One incident with its timeline. Raises NotFound."""
        async with transaction(self._engine) as connection:
            found = await self._ledger.find(connection, reference)
            return found, await self._ledger.timeline(connection, found.id)

    async def recent_near_misses(self, *, limit: int = 100, offset: int = 0) -> list[dict[str, Any]]:
        """Near misses, newest first, as they stand in the table."""
        query = select(near_misses).order_by(near_misses.c.at.desc(), near_misses.c.request_id.desc())
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
        return [dict(row) for row in rows]

    async def tell(self, alert: Alert, *, once: str = "") -> bool:
        """An alert of another room, in a transaction of its own. `once`: drop it when this key was told before."""
        async with transaction(self._engine) as connection:
            posted = await self.outbox.post(connection, alert, once=once)
        self.outbox.wake.set()
        return posted

    async def _masked(self, text: str) -> str:
        """What people write, as it may be kept (promise 4). Raises Unavailable: then it is not kept."""
        try:
            async with asyncio.timeout(MASK_TIMEOUT):
                return clean_text(await self._mask(text)) if text.strip() else ""
        except (ScanError, OSError, TimeoutError):
            raise Unavailable(LEAKS_UNAVAILABLE) from None

    async def _from_gateway(self, case: Case, state: State, source: str, kind: Kind) -> str:
        async with transaction(self._engine) as connection:
            await self._ledger.serialize(connection)
            known = await self._ledger.join(connection, case, state=state, source=source)
            if known is not None:
                return known.reference
            made = await self._ledger.open(connection, case, state=state, source=source, by_role="gateway")
            await self.outbox.post(connection, _alert(kind, made, "gateway"))
        self.outbox.wake.set()
        return made.reference


def clean_text(text: str) -> str:
    """Masked text as it is kept: no control characters but newline and tab, cut at MAX_NOTE characters."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable()))[:MAX_NOTE].strip()


def _alert(kind: Kind, made: Incident, by_role: str) -> Alert:
    """The facts of an incident without its note."""
    return Alert(
        kind=kind,
        at=made.closed_at or made.opened_at,
        unit=made.unit,
        tool=made.tool,
        count=len(made.request_ids),
        categories=made.categories,
        entity_types=made.entity_types,
        references=made.request_ids,
        reason_code=made.reason_code,
        incident=made.reference,
        source=made.source,
        by_role=by_role,
        aware_at=made.aware_at,
        deadline_72h=made.deadline_72h if kind is Kind.INCIDENT_OPENED else None,
    )
