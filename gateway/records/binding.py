"""Rows as the driver takes them: one compiled statement a table and dialect, one tuple a row.

SQLAlchemy compiles each statement once; the writer then hands plain tuples to the driver's own executemany, which costs
a fraction of what binding dictionaries costs at every commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

from gateway.records import tables
from gateway.records.rows import Intent, OutcomeRow, code, error_type, finish_reason, model_name

Bound = tuple[Any, ...]

INTENT_KEYS: Final = tuple(c.key for c in tables.intents.columns if c.key != "seq")
OUTCOME_KEYS: Final = tuple(c.key for c in tables.outcomes.columns if c.key != "seq")
_NO_ENERGY: Final = (None,) * 11
_NO_LABEL: Final = (None,) * 4
_NOTHING: Final = "[]"


def _insert(table: Table, keys: Iterable[str], dialect: Dialect, *, twice_is_fine: bool) -> str:
    """The positional INSERT of `keys`, in that order."""
    make = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    statement = make(table)
    if twice_is_fine:
        statement = statement.on_conflict_do_nothing(index_elements=["request_id"])
    keys = list(keys)
    compiled = statement.compile(dialect=dialect, column_keys=keys, for_executemany=True)
    if list(compiled.positiontup or ()) != keys:
        raise RuntimeError("the order of the columns is not the order of the values")
    return str(compiled)


@dataclass(frozen=True, slots=True)
class Statements:
    """What the writer executes. An intent that is already there is an error; of two outcomes the first counts."""

    intent: str
    outcome: str

    @classmethod
    def of(cls, dialect: Dialect) -> "Statements":
        return cls(
            _insert(tables.intents, INTENT_KEYS, dialect, twice_is_fine=False),
            _insert(tables.outcomes, OUTCOME_KEYS, dialect, twice_is_fine=True),
        )


def _json(values: tuple[Any, ...]) -> str:
    return orjson.dumps(values).decode() if values else _NOTHING


def intent(row: Intent) -> Bound:
    """The values of INTENT_KEYS."""
    return (
        row.v,
        row.request_id,
        row.ts_start,
        row.trace_id,
        row.span_id,
        row.worker,
        row.actor,
        row.org,
        row.unit,
        row.origin,
        row.action,
        row.tool_id,
        row.provider,
        row.request_model,
        row.stream,
        row.decision,
        row.policy_rule,
        row.policy_version,
        row.scanner_version,
        _json(row.findings),
        row.classification,
        _json(row.unscanned),
        row.purpose,
        row.processing_activity_id,
        row.retain_until,
    )


def outcome(row: OutcomeRow) -> Bound:
    """The values of OUTCOME_KEYS; strings that an upstream may have chosen pass only from a closed list."""
    energy = row.energy
    label = row.label
    return (
        row.request_id,
        row.ts_end,
        row.status,
        row.upstream_status,
        None if row.error_type is None else error_type(row.error_type),
        _json(tuple(map(finish_reason, row.finish_reasons))),
        None if row.response_model is None else model_name(row.response_model),
        row.model_changed,
        row.input_tokens,
        row.output_tokens,
        row.cached_tokens,
        row.reasoning_tokens,
        row.latency_ms,
        row.ttfc_ms,
        *(
            _NO_ENERGY
            if energy is None
            else (*energy.wh, *energy.gco2e, *energy.water_ml, code(energy.method), code(energy.factors_version))
        ),
        *(
            _NO_LABEL
            if label is None
            else (code(label.record_id), label.visible, code(label.reason), code(label.language))
        ),
        row.bytes_up,
        row.bytes_down,
        row.ended_by,
    )
