"""An alert: the closed set of facts that may be mailed. It has no field for prompt or answer text (promise 4)."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from filters.findings import Category
from gateway.errors import REASON_CODES
from gateway.exchange import Role

MAX_LINES: Final = 200
MAX_REFERENCES: Final = 50
HOURS_72: Final = 72 * 3600.0

_ENTITY_TYPE: Final = re.compile(r"[A-Z][A-Z0-9_]{1,47}")
_INCIDENT: Final = re.compile(r"INC-\d{4}-\d{4,}")
_REQUEST: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_UNSAFE: Final = "?"


class Source(StrEnum):
    """Where an incident came from; a suspicion has none until the DPO confirms it."""

    SELF_REPORT = "self_report"
    FORWARDED = "forwarded"
    CONFIRMED = "confirmed"


CATEGORIES: Final = frozenset(Category)
SOURCES: Final = frozenset(Source)
ROLES: Final = frozenset({*Role, "gateway"})


class Kind(StrEnum):
    """What an alert is about."""

    NEAR_MISS_FIRST = "near_miss_first"
    NEAR_MISS_DIGEST = "near_miss_digest"
    SUSPICION_OPENED = "suspicion_opened"
    INCIDENT_OPENED = "incident_opened"
    INCIDENT_CLOSED = "incident_closed"
    POLICY_CHANGED = "policy_changed"
    POLICY_BAD = "policy_bad"
    REVIEW_DUE = "review_due"
    TOOL_SUSPENDED = "tool_suspended"
    TOOL_LIFTED = "tool_lifted"


_DPO: Final = frozenset({"dpo"})
_BOTH: Final = frozenset({"dpo", "ict"})
AUDIENCE: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.NEAR_MISS_FIRST: _DPO,
    Kind.NEAR_MISS_DIGEST: _DPO,
    Kind.SUSPICION_OPENED: _DPO,
    Kind.INCIDENT_OPENED: _BOTH,
    Kind.INCIDENT_CLOSED: _DPO,
    Kind.POLICY_CHANGED: _BOTH,
    Kind.POLICY_BAD: _BOTH,
    Kind.REVIEW_DUE: _BOTH,
    Kind.TOOL_SUSPENDED: _BOTH,
    Kind.TOOL_LIFTED: _BOTH,
}
"""Which contacts of the organisation an alert goes to; `recipients(kind)` of the app turns this into addresses."""


def shaped(value: str, shape: re.Pattern[str]) -> str:
    """`value` when all of it has the shape; anything else becomes `?`, never a leak."""
    return value if not value or shape.fullmatch(value) else _UNSAFE


def listed(value: str, allowed: Collection[str]) -> str:
    """`value` when it is on the list; anything else becomes `?`."""
    return value if not value or value in allowed else _UNSAFE


def request_id(value: str) -> str:
    """One of our request ids (a UUID), else `?`."""
    return shaped(value, _REQUEST)


def line(value: str, limit: int = 120) -> str:
    """One line of configured text (a unit's name, a line of a policy difference): no control characters, cut off."""
    return _CONTROL.sub(" ", value)[:limit].strip()


def counts(entity_types: Mapping[str, int]) -> dict[str, int]:
    """Entity types and their numbers, most frequent first."""
    clean: dict[str, int] = {}
    for name, number in entity_types.items():
        kind = shaped(name, _ENTITY_TYPE)
        clean[kind] = clean.get(kind, 0) + int(number)
    return dict(sorted(clean.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class Group:
    """One line of a digest: the near misses of one unit with one tool (cleaned as they were stored)."""

    unit: str
    tool: str
    count: int
    categories: tuple[str, ...]
    entity_types: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened, as facts. Times are POSIX seconds; which fields are filled depends on `kind`."""

    kind: Kind
    at: float
    since: float | None = None
    unit: str = ""
    tool: str = ""
    count: int = 0
    categories: tuple[str, ...] = ()
    entity_types: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    references: tuple[str, ...] = ()
    reason_code: str = ""
    incident: str = ""  # INC-2026-0001
    source: str = ""
    by_role: str = ""
    aware_at: float | None = None
    deadline_72h: float | None = None
    lines: tuple[str, ...] = ()  # of a policy difference or a lint; from the policy file, never from a request
    due: str = ""  # ISO date
    days: int | None = None

    def __post_init__(self) -> None:
        """Clean every string, whoever made the alert: what is not a code or a configured line does not travel."""
        clean: dict[str, Any] = {
            "unit": line(self.unit),
            "tool": line(self.tool),
            "lines": tuple(line(item, 300) for item in self.lines[:MAX_LINES]),
            "entity_types": counts(self.entity_types),
            "categories": tuple(listed(item, CATEGORIES) for item in self.categories),
            "references": tuple(request_id(item) for item in self.references[:MAX_REFERENCES]),
            "reason_code": listed(self.reason_code, REASON_CODES),
            "incident": shaped(self.incident, _INCIDENT),
            "source": listed(self.source, SOURCES),
            "by_role": listed(self.by_role, ROLES),
            "due": shaped(self.due, _DATE),
        }
        for name, value in clean.items():
            object.__setattr__(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Closed fields as a JSON object; empty ones are left out."""
        empty: tuple[object, ...] = (None, "", (), {})
        return {key: value for key, value in asdict(self).items() if value not in empty}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Alert":
        """The alert that `to_json` wrote. Raises TypeError or ValueError for anything else."""
        fields = dict(data)
        fields["kind"] = Kind(fields["kind"])
        for name in ("categories", "references", "lines"):
            fields[name] = tuple(fields.get(name, ()))
        fields["groups"] = tuple(
            Group(**{**group, "categories": tuple(group["categories"])}) for group in fields.get("groups", ())
        )
        return cls(**fields)


def groups(rows: Sequence[Any]) -> tuple[Group, ...]:
    """Near misses (rows of the table) by unit and tool, largest group first."""
    found: dict[tuple[str, str], tuple[int, set[str], dict[str, int]]] = {}
    for row in rows:
        number, categories, types = found.get((row.unit, row.tool), (0, set(), {}))
        for name, times in row.entity_types.items():
            types[name] = types.get(name, 0) + times
        found[(row.unit, row.tool)] = (number + 1, categories | set(row.categories), types)
    made = [
        Group(unit, tool, number, tuple(sorted(categories)), counts(types))
        for (unit, tool), (number, categories, types) in found.items()
    ]
    return tuple(sorted(made, key=lambda group: (-group.count, group.unit, group.tool)))
