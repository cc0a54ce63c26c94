"""The two rows of an exchange: the intent, durable before anything leaves, and the outcome, written once afterwards.

No field holds text (promise 4). Every string is a code from a closed list of ours; what slips in beside one is
refused in an intent and replaced by `unlisted` in an outcome, which must be written whatever the upstream answered.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

from gateway.errors import REASON_CODES, reason
from gateway.exchange import Outcome

EndedBy = Literal["completed", "client_left", "upstream_broke", "failed", "interrupted", "refused"]
ENDED_BY: Final = frozenset(get_args(EndedBy))
SEMCONV: Final = "opentelemetry-semantic-conventions-genai 0.66b2"  # the names of the gen_ai_ columns (standards §2.3)

INTERRUPTED: Final = reason("interrupted", "the gateway process ended before the answer did; closed at the next start")
RECORD_INVALID: Final = reason("record_invalid", "an outcome could not be stored as it was; only its ending was kept")

Finding = tuple[str, str, str, int]
"""entity_type, category, action, count."""
Range = tuple[float, float, float]
"""low, mid, high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is about to happen. Times are milliseconds since 1970, UTC. Fields: standards §2.4."""

    request_id: str
    ts_start: int
    worker: str
    actor: str  # keyed pseudonym, never the subject
    org: str
    unit: str  # coarse unit
    origin: str  # client application of a closed list and network zone, "open-webui/lan"; never an address
    action: str  # gen_ai.operation.name
    tool_id: str
    provider: str  # gen_ai.provider.name
    request_model: str  # as policy names it; "" when policy does not know it
    stream: bool
    decision: str  # a value of `exchange.Outcome`
    policy_rule: str
    policy_version: str
    scanner_version: str
    retain_until: int
    trace_id: str | None = None
    span_id: str | None = None
    findings: tuple[Finding, ...] = ()
    classification: str | None = None  # the highest marking found, from the list of markings
    unscanned: tuple[str, ...] = ()  # kinds of parts that policy let through unscanned (promise 10)
    purpose: str | None = None
    processing_activity_id: str | None = None
    v: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRow:
    """An estimate (standards §5.5): watt-hours, grams of CO2 equivalent, millilitres of water, each low, mid, high."""

    wh: Range
    gco2e: Range
    water_ml: Range
    method: str
    factors_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """Which label the answer got, and why the visible sentence was left out."""

    record_id: str
    visible: bool
    reason: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """What became of it. `error_type` is a registered reason code."""

    request_id: str
    ts_end: int
    status: int  # what the client was answered
    ended_by: EndedBy
    latency_ms: float
    upstream_status: int | None = None
    error_type: str | None = None
    finish_reasons: tuple[str, ...] = ()
    response_model: str | None = None
    model_changed: bool = False  # the upstream answered with another model than was asked (AI Act 12(2)(a))
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    ttfc_ms: float | None = None  # time to the first chunk
    energy: EnergyRow | None = None
    label: LabelRow | None = None
    bytes_up: int = 0
    bytes_down: int = 0


DECISIONS: Final = frozenset(str(outcome) for outcome in Outcome)
FINISH_REASONS: Final = frozenset(
    {
        "stop", "length", "tool_calls", "function_call", "content_filter", "error",  # OpenAI chat and its relatives
        "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal",  # Anthropic
        "model_context_window_exceeded", "model_length",  # Anthropic, Mistral
        "completed", "incomplete", "failed", "cancelled",  # OpenAI responses
        "STOP", "MAX_TOKENS", "SAFETY", "RECITATION",  # Gemini
    }
)  # fmt: skip
# Codes hold no space, so that a sentence that got into one is seen; lengths are those of the columns.
_CODES = re.compile(r"[!-~]{1,64}(?: [!-~]{0,128}){14}")
_NAMES = re.compile(r"[^\x00-\x1f\x7f]{0,80}(?:\x1f[^\x00-\x1f\x7f]{0,80}){2}")
_CODE = re.compile(r"[!-~]{0,128}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
_LONG_NUMBER = re.compile(r"(?:[0-9][._:/@+-]?){9}")  # no model name carries one; identifiers of persons do


def check(row: Intent) -> None:
    """Raise ValueError, naming no value, when a field cannot be a code of ours."""
    codes = (
        f"{row.request_id} {row.worker} {row.actor} {row.origin} {row.action} {row.tool_id} {row.provider} "
        f"{row.request_model} {row.policy_rule} {row.policy_version} {row.scanner_version} {row.trace_id or ''} "
        f"{row.span_id or ''} {row.purpose or ''} {row.processing_activity_id or ''}"
    )
    if not _CODES.fullmatch(codes):
        raise ValueError("an intent holds something that is not a code")
    if not _NAMES.fullmatch(f"{row.org}\x1f{row.unit}\x1f{row.classification or ''}"):
        raise ValueError("an intent holds something that is not a name of the organization's own lists")
    if row.decision not in DECISIONS:
        raise ValueError("an intent holds an unknown decision")
    for entity_type, category, action, _count in row.findings:
        if not (_is_code(entity_type) and _is_code(category) and _is_code(action)):
            raise ValueError("an intent holds a finding that is not made of codes")
    for kind in row.unscanned:
        if not _is_code(kind):
            raise ValueError("an intent holds an unscanned part that is not a code")


@lru_cache(maxsize=4096)
def _is_code(value: str) -> bool:
    return _CODE.fullmatch(value) is not None


@lru_cache(maxsize=1024)
def model_name(value: str) -> str:
    """A model's name as an upstream gave it, or `unlisted` when it does not look like one."""
    return value if _MODEL.fullmatch(value) and not _LONG_NUMBER.search(value) else "unlisted"


def finish_reason(value: str) -> str:
    return value if value in FINISH_REASONS else "unlisted"


def error_type(value: str) -> str:
    return value if value in REASON_CODES else "unlisted"


def code(value: str) -> str:
    return value if _is_code(value) else "unlisted"
