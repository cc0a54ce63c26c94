"""What a reference stands for: both rows of one exchange, for the DPO (promise 9: a refusal shows this reference)."""

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.records.retention import utc
from gateway.records.tables import holds, intents, outcomes

_REFERENCE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_JSON: Final = frozenset({"findings", "unscanned", "finish_reasons"})
_TIMES: Final = frozenset({"ts_start", "ts_end", "retain_until"})


@dataclass(frozen=True, slots=True)
class Record:
    """Both rows by their short names; times as ISO 8601 in UTC; `outcome` is None while the exchange is open."""

    reference: str
    intent: dict[str, Any]
    outcome: dict[str, Any] | None
    on_hold: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "state": "closed" if self.outcome else "open",
            "on_hold": self.on_hold,
            "intent": self.intent,
            "outcome": self.outcome,
        }


async def find(engine: AsyncEngine, reference: str) -> Record | None:
    """The record of `reference` (a request_id, upper or lower case); None when there is none, or not any more."""
    wanted = reference.strip().lower()
    if not _REFERENCE.fullmatch(wanted):
        return None
    async with engine.connect() as connection:
        intent = await _row(connection, intents, wanted)
        if intent is None:
            return None
        outcome = await _row(connection, outcomes, wanted)
        hold = (await connection.execute(select(holds.c.seq).where(holds.c.request_id == wanted))).first()
    return Record(wanted, intent, outcome, on_hold=hold is not None)


async def _row(connection: AsyncConnection, table: Table, reference: str) -> dict[str, Any] | None:
    found = (await connection.execute(select(table).where(table.c.request_id == reference))).first()
    if found is None:
        return None
    return {key: _readable(key, value) for key, value in zip(table.columns.keys(), found, strict=True)}


def _readable(key: str, value: Any) -> Any:
    if value is None:
        return None
    if key in _JSON:
        return orjson.loads(value)
    if key in _TIMES:
        return utc(value).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
