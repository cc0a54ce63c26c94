"""The tables of this room. No column holds text of a request; `note` and `closing_reason` hold masked text only.

Times are POSIX seconds (UTC) as doubles.
"""

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from gateway.database import metadata

near_misses = Table(
    "near_misses",
    metadata,
    Column("request_id", String(64), primary_key=True),  # one near miss a request, however often it is told
    Column("at", Double, nullable=False),
    Column("unit", String(120), nullable=False),
    Column("tool", String(120), nullable=False),
    Column("categories", JSON, nullable=False),
    Column("entity_types", JSON, nullable=False),  # entity type → number of findings
    Column("reason_code", String(64), nullable=False),
    Column("told_at", Double, nullable=True),  # when it went into a mail's row; null: waits for the digest
    Index("ix_near_misses_told_at", "told_at"),
    Index("ix_near_misses_at", "at"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("reference", String(32), nullable=False, unique=True),  # INC-2026-0001
    Column("state", String(16), nullable=False),
    Column("source", String(16), nullable=False),  # empty while it is a suspicion
    Column("opened_at", Double, nullable=False),
    Column("aware_at", Double, nullable=True),  # null while it is a suspicion: no clock
    Column("deadline_72h", Double, nullable=True),  # aware_at + 72 h, always (GDPR art. 33(1))
    Column("tool", String(120), nullable=False),
    Column("unit", String(120), nullable=False),
    Column("categories", JSON, nullable=False),
    Column("entity_types", JSON, nullable=False),
    Column("request_ids", JSON, nullable=False),
    Column("reason_code", String(64), nullable=False),
    Column("note", Text, nullable=False),  # masked
    Column("opened_by", String(16), nullable=False),  # a role, or "gateway"
    Column("closed_at", Double, nullable=True),
    Column("closing_reason", Text, nullable=False),  # masked
    Index("ix_incidents_state_opened_at", "state", "opened_at"),
)

incident_numbers = Table(
    "incident_numbers",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
)

incident_events = Table(
    "incident_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("incident_id", String(36), ForeignKey("incidents.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("event", String(32), nullable=False),
    Column("by_role", String(16), nullable=False),
    Column("detail", JSON, nullable=False),  # closed fields: times and counts
    Index("ix_incident_events_incident_id_at", "incident_id", "at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("alert_id", String(36), nullable=False),  # the same for all recipients and channels of one alert
    Column("channel", String(16), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("recipient", String(320), nullable=False),  # empty: not yet known; the dispatcher looks again
    Column("language", String(2), nullable=False),
    Column("payload", JSON, nullable=False),  # gateway.leaks.alerts.Alert
    Column("created_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Double, nullable=True),  # null: nothing more to do
    Column("locked_until", Double, nullable=False),  # 0: free
    Column("locked_by", String(64), nullable=False),
    Column("sent_at", Double, nullable=True),
    Column("failed_at", Double, nullable=True),  # given up
    Column("failure", String(64), nullable=False),  # class of the last failure, from a closed list
    Index("ix_outbox_next_attempt_at", "next_attempt_at"),
)

told = Table(
    "told",
    metadata,
    Column("key", String(200), primary_key=True),  # what was told once and must not be told again
    Column("at", Double, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("next_run", Double, nullable=False),
    Column("locked_until", Double, nullable=False),
    Column("locked_by", String(64), nullable=False),
)
