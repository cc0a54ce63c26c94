"""What one request carries along the road: who calls (Principal), what policy says (Decision), what it cost (Usage).

`Exchange` is the one mutable object of one request. Its repr prints counts only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from filters.findings import Category, Finding

if TYPE_CHECKING:
    from gateway.policy.compiled import Policy, Tool  # for type checkers only: the layers forbid it at run time


class Role(StrEnum):
    """What a key may do. `staff` uses tools; `ict`, `dpo` also administer; `service` is a chat server."""

    STAFF = "staff"
    ICT = "ict"
    DPO = "dpo"
    SERVICE = "service"


class Action(StrEnum):
    """What happens to a finding, mildest first."""

    ALLOW = "allow"
    NOTE = "note"
    PSEUDONYMIZE = "pseudonymize"
    BLOCK = "block"

    @property
    def severity(self) -> int:
        """Order of strictness: allow 0 … block 3."""
        return ("allow", "note", "pseudonymize", "block").index(self.value)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `subject` is the stable internal id of the person (a key's owner, or who a service vouches for).

    `subject` never leaves the process in clear: records carry `actor`, a keyed pseudonym of it.
    """

    key_id: str
    subject: str
    role: Role
    unit: str
    language: str = "nl"
    answer_mode: bool = False  # a block is answered as a 200 reply that carries the notice
    vouched: bool = False  # a service key speaks for this person

    def __repr__(self) -> str:
        return f"Principal(role={self.role}, vouched={self.vouched})"


class Outcome(StrEnum):
    """What became of the exchange, as recorded (standards §2.4 `decision`)."""

    ALLOWED = "allowed"
    PSEUDONYMIZED = "pseudonymized"
    BLOCKED = "blocked"
    DENIED = "denied"  # tool unknown, not approved, expired
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says of one request's findings; `actions[i]` belongs to `findings[i]`."""

    outcome: Outcome
    actions: tuple[Action, ...] = ()
    policy_rule: str = ""  # e.g. "tool:mistral/personal" or "kortenberg:4.2"
    reason_code: str = ""
    categories: tuple[Category, ...] = ()

    @property
    def strictest(self) -> Action:
        """The most severe action of all findings; ALLOW without findings."""
        return max(self.actions, key=lambda a: a.severity, default=Action.ALLOW)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the upstream counted them; `reasoning` is contained in `output`, `cached` in `input`."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What the label needs to know of an answer; no text."""

    finish_reasons: tuple[str, ...] = ()
    choices: int = 1
    has_tool_calls: bool = False
    code_only: bool = False
    characters: int = 0
    json_mode: bool = False  # response_format json_object/json_schema or a vendor's equivalent
    logprobs: bool = False
    stream: bool = False
    response_model: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The label as it goes into an answer: the `ai_label` object, and the visible sentence where it applies."""

    ai_label: Mapping[str, Any]
    sentence: str | None = None


@dataclass(slots=True, repr=False)
class Exchange:
    """One request and its response, filled in along the road. Times are seconds of a monotonic clock."""

    request_id: str  # UUIDv7, ours; the reference that a refusal shows
    started: float
    started_at: float  # POSIX seconds, UTC
    wire: str = ""
    operation: str = ""
    principal: "Principal | None" = None
    policy: "Policy | None" = None
    tool: "Tool | None" = None
    asked_model: str = ""  # as the client wrote it: goes back to the client and to the upstream, reaches no record
    model: str = ""  # the name or pattern of the tool list that it matched: safe to record
    stream: bool = False
    trace_id: str = ""
    findings: list[Finding] = field(default_factory=list)
    decision: Decision | None = None
    scanned_slots: int = 0
    scanner_version: str = ""
    unscanned: tuple[str, ...] = ()  # kinds of parts that could not be scanned and policy let through
    usage: Usage | None = None
    response_model: str = ""
    finish_reasons: tuple[str, ...] = ()
    status: int = 0  # what the client was answered
    upstream_status: int = 0
    error_type: str = ""
    upstream_started: float = 0.0
    first_chunk: float = 0.0
    upstream_ended: float = 0.0
    label: Stamp | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    scan_seconds: float = 0.0
    intent_written: bool = False
    ended_by: str = (
        ""  # set once, when the outcome is recorded: completed, client_left, upstream_broke, failed, refused
    )

    def __repr__(self) -> str:
        return f"Exchange({self.request_id}, findings={len(self.findings)})"
