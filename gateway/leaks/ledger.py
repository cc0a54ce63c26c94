"""The ledger of incidents: opens, joins, confirms, corrects and closes them inside a transaction of the caller.

Every write begins by raising the change counter, whose row serializes the writers of one database. The deadline is
only ever written together with `aware_at`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from filters.findings import Category
from gateway.database import bump
from gateway.errors import REASON_CODES, BadRequest, NotFound
from gateway.leaks.alerts import HOURS_72, Source, counts, line, listed, request_id
from gateway.leaks.incidents import (
    BAD_AWARE_AT,
    UNKNOWN_INCIDENT,
    WRONG_STATE,
    Case,
    Incident,
    IncidentEvent,
    State,
    incident,
)
from gateway.leaks.store import insert_new
from gateway.leaks.tables import incident_events, incident_numbers, incidents

JOIN_WINDOW: Final = 3600.0  # seconds in which like cases of one unit and tool are one incident
MAX_REQUESTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes and reads incidents inside a transaction of the caller."""

    clock: Callable[[], float]
    new_id: Callable[[], str]
    zone: tzinfo

    async def open(
        self,
        connection: AsyncConnection,
        case: Case,
        *,
        state: State,
        source: str,
        by_role: str,
        note: str = "",
        note_kept: bool = True,
    ) -> Incident:
        """A new suspicion or incident; an open one becomes known now."""
        now = self.clock()
        aware_at = now if state is State.OPEN else None
        values = {
            "id": self.new_id(),
            "reference": await self._reference(connection, now),
            "state": state.value,
            "source": source,
            "opened_at": now,
            "aware_at": aware_at,
            "deadline_72h": None if aware_at is None else aware_at + HOURS_72,
            "tool": line(case.tool),
            "unit": line(case.unit),
            "categories": sorted({listed(item, frozenset(Category)) for item in case.categories}),
            "entity_types": counts(case.entity_types),
            "request_ids": [request_id(item) for item in case.request_ids[:MAX_REQUESTS]],
            "reason_code": listed(case.reason_code, REASON_CODES),
            "note": note,
            "opened_by": by_role,
            "closed_at": None,
            "closing_reason": "",
        }
        await connection.execute(insert(incidents).values(**values))
        detail = {} if note_kept else {"note_kept": False}
        await self.event(connection, str(values["id"]), f"{state.value}_opened", by_role, detail)
        return incident(values)

    async def join(self, connection: AsyncConnection, case: Case, *, state: State, source: str) -> Incident | None:
        """Add the case to a like one of the last hour: a fault that forwards a hundred requests is one incident.
        None where there is no such incident. Its clock keeps running from the first.
        """
        now = self.clock()
        query = (
            select(incidents)
            .where(incidents.c.state == state.value, incidents.c.source == source)
            .where(incidents.c.tool == line(case.tool), incidents.c.unit == line(case.unit))
            .where(
                incidents.c.reason_code == listed(case.reason_code, REASON_CODES), incidents.c.opened_by == "gateway"
            )
            .where(incidents.c.opened_at > now - JOIN_WINDOW)
            .order_by(incidents.c.opened_at.desc())
            .limit(1)
        )
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            return None
        known = incident(dict(row))
        types = dict(known.entity_types)
        for name, number in counts(case.entity_types).items():
            types[name] = types.get(name, 0) + number
        fresh = [request_id(item) for item in case.request_ids]
        values = {
            "categories": sorted({*known.categories, *(listed(item, frozenset(Category)) for item in case.categories)}),
            "entity_types": counts(types),
            "request_ids": list(dict.fromkeys((*known.request_ids, *fresh)))[:MAX_REQUESTS],
        }
        await connection.execute(update(incidents).where(incidents.c.id == known.id).values(**values))
        await self.event(connection, known.id, "request_added", "gateway", {"count": len(fresh)})
        return incident({**row, **values})

    async def confirm(
        self, connection: AsyncConnection, reference: str, *, by_role: str, aware_at: float | None
    ) -> Incident:
        """The DPO says that a suspicion is a leak: it is open, known since `aware_at` (now when None)."""
        known = await self.find(connection, reference)
        if known.state is not State.SUSPICION:
            raise BadRequest(WRONG_STATE, params={"state": known.state.value})
        aware = self._awareness(aware_at)
        values = {"state": State.OPEN.value, "source": Source.CONFIRMED.value}
        return await self._move(
            connection, known, values | _clock(aware), event="confirmed", by_role=by_role, detail={"aware_at": aware}
        )

    async def correct(self, connection: AsyncConnection, reference: str, *, by_role: str, aware_at: float) -> Incident:
        """The DPO corrects since when the leak was known; the deadline follows and the old moment stays on record."""
        known = await self.find(connection, reference)
        if known.state is not State.OPEN:
            raise BadRequest(WRONG_STATE, params={"state": known.state.value})
        aware = self._awareness(aware_at)
        detail = {"before": known.aware_at, "aware_at": aware}
        return await self._move(
            connection, known, _clock(aware), event="aware_at_corrected", by_role=by_role, detail=detail
        )

    async def close(self, connection: AsyncConnection, reference: str, *, by_role: str, reason: str) -> Incident:
        """End of an incident, or of a suspicion that was none. `reason` is masked already."""
        known = await self.find(connection, reference)
        if known.state is State.CLOSED:
            raise BadRequest(WRONG_STATE, params={"state": known.state.value})
        values = {"state": State.CLOSED.value, "closed_at": self.clock(), "closing_reason": reason}
        return await self._move(
            connection, known, values, event="closed", by_role=by_role, detail={"was": known.state.value}
        )

    async def find(self, connection: AsyncConnection, reference: str) -> Incident:
        """Raises NotFound."""
        query = select(incidents).where(incidents.c.reference == reference)
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise NotFound(UNKNOWN_INCIDENT)
        return incident(dict(row))

    async def newest(self, connection: AsyncConnection, state: State | None, limit: int, offset: int) -> list[Incident]:
        """Newest first."""
        query = select(incidents).order_by(incidents.c.opened_at.desc(), incidents.c.reference.desc())
        if state is not None:
            query = query.where(incidents.c.state == state.value)
        rows = (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
        return [incident(dict(row)) for row in rows]

    async def states(self, connection: AsyncConnection) -> dict[State, int]:
        """How many there are in each state."""
        query = select(incidents.c.state, func.count()).group_by(incidents.c.state)
        found = {State(row[0]): int(row[1]) for row in (await connection.execute(query)).all()}
        return {state: found.get(state, 0) for state in State}

    async def timeline(self, connection: AsyncConnection, incident_id: str) -> list[IncidentEvent]:
        """Oldest first (ids are UUIDv7: they break ties in order)."""
        query = (
            select(incident_events)
            .where(incident_events.c.incident_id == incident_id)
            .order_by(incident_events.c.at, incident_events.c.id)
        )
        rows = (await connection.execute(query)).all()
        return [IncidentEvent(row.at, row.event, row.by_role, row.detail) for row in rows]

    async def event(
        self, connection: AsyncConnection, incident_id: str, event: str, by_role: str, detail: Mapping[str, Any]
    ) -> None:
        """Add a step to the timeline."""
        values = {"id": self.new_id(), "incident_id": incident_id, "at": self.clock(), "event": event}
        await connection.execute(
            insert(incident_events).values(**values, by_role=by_role, detail=dict(detail)),
        )

    async def serialize(self, connection: AsyncConnection) -> None:
        """First statement of every write: other workers see the change, and writers queue."""
        await bump(connection)

    async def _move(
        self,
        connection: AsyncConnection,
        known: Incident,
        values: Mapping[str, Any],
        *,
        event: str,
        by_role: str,
        detail: Mapping[str, Any],
    ) -> Incident:
        await connection.execute(update(incidents).where(incidents.c.id == known.id).values(**values))
        await self.event(connection, known.id, event, by_role, detail)
        return await self.find(connection, known.reference)

    async def _reference(self, connection: AsyncConnection, now: float) -> str:
        """INC-<year>-<number>, without gaps: the number is taken in the transaction that opens the incident."""
        year = datetime.fromtimestamp(now, self.zone).year
        await insert_new(connection, incident_numbers, {"year": year, "last": 0})
        statement = (
            update(incident_numbers)
            .where(incident_numbers.c.year == year)
            .values(last=incident_numbers.c.last + 1)
            .returning(incident_numbers.c.last)
        )
        number = (await connection.execute(statement)).scalar_one()
        return f"INC-{year}-{number:04d}"

    def _awareness(self, aware_at: float | None) -> float:
        now = self.clock()
        if aware_at is None:
            return now
        if not now - 3653 * 86400.0 <= aware_at <= now:
            raise BadRequest(BAD_AWARE_AT)
        return aware_at


def _clock(aware_at: float) -> dict[str, float]:
    return {"aware_at": aware_at, "deadline_72h": aware_at + HOURS_72}
