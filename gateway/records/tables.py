"""Tables of the records. Rows of `intents` and `outcomes` are inserted and, after their term, deleted; never updated.

`request_id` is the 36-character text that a refusal shows: every other table can join on it without a cast, an operator
can paste it, and UUIDv7 grows with time, so that the index only grows at its end. `seq` orders the rows as stored.
Columns carry OpenTelemetry's GenAI names where one exists; their keys are the short names of `rows.py`.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, SmallInteger, String, Table, Text

from gateway.database import metadata

_ID = String(36)
_CODE = String(128)
_NAME = String(80)


def _seq() -> "Column[int]":
    return Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


intents = Table(
    "intents",
    metadata,
    _seq(),
    Column("v", SmallInteger, nullable=False),
    Column("request_id", _ID, nullable=False, unique=True),
    Column("ts_start", BigInteger, nullable=False),
    Column("trace_id", _CODE),
    Column("span_id", _CODE),
    Column("worker", _CODE, nullable=False),
    Column("actor", _CODE, nullable=False),
    Column("org", _NAME, nullable=False),
    Column("unit", _NAME, nullable=False),
    Column("origin", _CODE, nullable=False),
    Column("gen_ai_operation_name", _CODE, key="action", nullable=False),
    Column("tool_id", _CODE, nullable=False),
    Column("gen_ai_provider_name", _CODE, key="provider", nullable=False),
    Column("gen_ai_request_model", _CODE, key="request_model", nullable=False),
    Column("gen_ai_request_stream", Boolean, key="stream", nullable=False),
    Column("decision", _CODE, nullable=False),
    Column("policy_rule", _CODE, nullable=False),
    Column("policy_version", _CODE, nullable=False),
    Column("scanner_version", _CODE, nullable=False),
    Column("findings", Text, nullable=False),  # JSON: [[entity_type, category, action, count], …]
    Column("classification", _NAME),
    Column("unscanned", Text, nullable=False),  # JSON: [kind, …]
    Column("purpose", _CODE),
    Column("processing_activity_id", _CODE),  # LDV: dpl.core.processing_activity_id
    Column("retain_until", BigInteger, nullable=False),
    Index("ix_intents_ts_start", "ts_start"),
    Index("ix_intents_retain_until", "retain_until"),
)

outcomes = Table(
    "outcomes",
    metadata,
    _seq(),
    Column("request_id", _ID, nullable=False, unique=True),  # exactly once
    Column("ts_end", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("upstream_status", Integer),
    Column("error_type", _CODE),
    Column("gen_ai_response_finish_reasons", Text, key="finish_reasons", nullable=False),  # JSON: [reason, …]
    Column("gen_ai_response_model", _CODE, key="response_model"),
    Column("model_changed", Boolean, nullable=False),
    Column("gen_ai_usage_input_tokens", BigInteger, key="input_tokens"),
    Column("gen_ai_usage_output_tokens", BigInteger, key="output_tokens"),
    Column("gen_ai_usage_cache_read_input_tokens", BigInteger, key="cached_tokens"),
    Column("gen_ai_usage_reasoning_output_tokens", BigInteger, key="reasoning_tokens"),
    Column("latency_ms", Double, nullable=False),
    Column("ttfc_ms", Double),
    *(
        Column(f"{what}_{bound}", Double)
        for what in ("energy_wh", "gco2e", "water_ml")
        for bound in ("low", "mid", "high")
    ),
    Column("energy_method", _CODE),
    Column("energy_factors", _CODE),
    Column("label_record_id", _CODE),
    Column("label_visible", Boolean),
    Column("label_reason", _CODE),
    Column("label_language", _CODE),
    Column("bytes_up", BigInteger, nullable=False),
    Column("bytes_down", BigInteger, nullable=False),
    Column("ended_by", _CODE, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("worker", _CODE, primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),  # last heartbeat
    Column("steady_since", BigInteger, nullable=False),  # since when heartbeats came without a gap
    Column("closed_seq", BigInteger, nullable=False),  # its intents up to this seq all have an outcome
    Column("ended_at", BigInteger),  # stopped in order
    Column("swept_at", BigInteger),  # dead, and its open intents were closed
)

holds = Table(
    "holds",
    metadata,
    _seq(),
    Column("request_id", _ID, nullable=False, index=True),
    Column("incident", _CODE, nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("hold_until", BigInteger),  # empty: until it is lifted
    Index("uq_holds_request_id_incident", "request_id", "incident", unique=True),
)

retention_runs = Table(
    "retention_runs",
    metadata,
    _seq(),
    Column("at", BigInteger, nullable=False),
    Column("deleted", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
)

policy_changes = Table(
    "policy_changes",
    metadata,
    _seq(),
    Column("at", BigInteger, nullable=False),
    Column("worker", _CODE, nullable=False),
    Column("kind", _CODE, nullable=False),  # start · reload · rejected
    Column("version", _CODE, nullable=False),  # in force afterwards
    Column("file_version", _CODE, nullable=False),  # of the file that was read; differs when it was rejected
    Column("good", Boolean, nullable=False),
    Column("tools", Text, nullable=False),  # JSON: {tool_id: [changed key, …]}
    Column("lints", Text, nullable=False),  # JSON: [lint code, …]
)
