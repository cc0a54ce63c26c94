"""The tool list as the road uses it: frozen, every pattern compiled, every name resolved, secrets out of sight.

One reference to a `Policy` is swapped when the file changes; a request keeps the policy it started with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from filters.findings import Category, OperatingPoint
from gateway.errors import reason
from gateway.exchange import Action, Decision, Role
from gateway.policy.facts import Approval, Energy, Hosting, Listing, Organisation, Provider
from gateway.policy.patterns import ModelPattern, PatternKind

REQUESTED = reason("tool_requested", "the tool was asked for, but ICT and DPO have not agreed (T3)")
DENIED = reason("tool_denied", "the tool is forbidden by the list (T2)")
WITHDRAWN = reason("tool_withdrawn", "the tool list itself says suspended: not to be used until assessed (T4)")
EXPIRED = reason("tool_expired", "the tool list says that the tool's time is over")
NOT_APPROVED = reason("tool_missing_approval", "the explicit agreement of ICT or of the DPO is missing (T3)")
NO_REVIEW_DATE = reason("tool_review_missing", "an approved tool without a review date is not used (T6)")
REVIEW_PASSED = reason("tool_review_passed", "the review date has passed: re-evaluate the tool first (T6)")
LISTED_ONLY = reason("tool_not_proxied", "the tool is listed, but has no endpoint behind this gateway")
NO_KEY = reason("tool_key_missing", "the upstream's key cannot be read from its environment variable or file")

MAX_MODEL_NAME = 256
_REMEMBERED_NAMES = 4096  # clients choose the names: what is remembered has a bound


class Status(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    DENIED = "denied"
    SUSPENDED = "suspended"
    EXPIRED = "expired"


_STATUS_REASON = {
    Status.REQUESTED: REQUESTED,
    Status.DENIED: DENIED,
    Status.SUSPENDED: WITHDRAWN,
    Status.EXPIRED: EXPIRED,
}


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a key comes from: the name of an environment variable, or a file."""

    env: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """The endpoint that is called. The key was read when the policy was compiled; no repr or comparison shows it."""

    kind: str
    base_url: str
    key: KeySource | None = None
    auth: str = "bearer"  # or "api-key"
    connect_timeout: float | None = None
    read_timeout: float | None = None
    ca_file: Path | None = None
    include_usage: bool = True
    store_false: bool = False
    _secret: str | None = field(default=None, repr=False, compare=False)

    def secret(self) -> str | None:
        """The upstream's key; None where none is configured (or where it could not be read: `Tool.usable`)."""
        return self._secret


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to one kind of finding, and which line of the policy says so."""

    action: Action
    name: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A service on the list, allowed or not."""

    id: str
    name: str
    status: Status
    reasons: Mapping[str, str]  # language → why it has this status
    reason_ref: str | None
    environment: str
    provider: Provider
    terms: str
    trains_on_input: str
    origin: str
    openness: str
    listing: Listing | None
    hosts: tuple[str, ...]
    models: tuple[ModelPattern, ...]
    aliases: Mapping[str, str]  # name for people → name upstream
    upstream: Upstream | None
    roles: frozenset[Role]  # empty: every role
    units: frozenset[str]  # empty: every unit
    actions: Mapping[str, Action]  # personal special confidential security none_found
    entity_actions: Mapping[str, Action]  # what the tool's entry says of single entity types
    rules: Mapping[str, Rule]  # entity type → what holds, all layers resolved
    category_rules: Mapping[Category, Rule]
    unscannable: Action
    point: OperatingPoint
    visible_label: bool
    restore_hosts: frozenset[str]
    hosting: Hosting
    energy: Energy
    upstream_text_mark: str
    retention_days: int | None
    ict_approval: Approval | None
    dpo_approval: Approval | None
    review_by: date | None
    key_readable: bool
    without_findings: Decision
    raw: Mapping[str, Any] = field(repr=False)  # the written entry, for registers; holds no secret

    @property
    def reason(self) -> str:
        """Why the tool has its status, in whichever language it was written first; empty where nothing was."""
        return next(iter(self.reasons.values()), "")

    def reason_in(self, language: str) -> str:
        """Why the tool has its status, in that language where it was written in it."""
        return self.reasons.get(language, self.reason)

    def accepts(self, name: str) -> bool:
        """Whether `name`, without the tool's id before it, is one of this tool's models."""
        return name in self.aliases or any(pattern.matches(name) for pattern in self.models)

    def upstream_model(self, model: str) -> str:
        """The name that goes upstream for a name that `Policy.tool_for` led here."""
        head, slash, rest = model.partition("/")
        name = rest if slash and head == self.id and self.accepts(rest) else model
        return self.aliases.get(name, name)

    def usable(self, today: date) -> str | None:
        """None, or the reason code why nobody may use the tool on that day. The kill switch comes on top (admit)."""
        if self.status is not Status.APPROVED:
            return _STATUS_REASON[self.status]
        if self.upstream is None:
            return LISTED_ONLY
        for approval in (self.ict_approval, self.dpo_approval):
            if approval is None or approval.date > today:
                return NOT_APPROVED
        if self.review_by is None:
            return NO_REVIEW_DATE
        if today > self.review_by:
            return REVIEW_PASSED
        return None if self.key_readable else NO_KEY

    def open_to(self, role: Role, unit: str) -> bool:
        """Whether the entry lets this role and unit use the tool."""
        return (not self.roles or role in self.roles) and (not self.units or unit in self.units)

    def model_ids(self) -> list[str]:
        """Names a client may ask for: aliases, and `tool/model` for every model written out. Globs name no model."""
        literal = (pattern.text for pattern in self.models if pattern.kind is PatternKind.LITERAL)
        return [*self.aliases, *(f"{self.id}/{text}" for text in literal)]


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole list in force. `version` is SHA-256 over the written content, 16 hexadecimal digits."""

    version: str
    profile: str
    organisation: Organisation
    thresholds: Mapping[Category, float]
    tools: Mapping[str, Tool]
    general: Mapping[str, Any] = field(repr=False)  # what is written outside the tools
    _found: dict[str, Tool | None] = field(default_factory=dict, repr=False, compare=False)

    def tool_for(self, model: str) -> Tool | None:
        """The tool that a model's name leads to; None for an unknown or an ambiguous name.

        In this order: `tool/model`, an alias, a name written out, a pattern. A forbidden tool that knows the bare name
        wins over all others; a tool that is only requested loses to all others.
        """
        try:
            return self._found[model]
        except KeyError:
            tool = self._search(model)
        if len(self._found) < _REMEMBERED_NAMES and len(model) <= MAX_MODEL_NAME:
            self._found[model] = tool
        return tool

    def _search(self, model: str) -> Tool | None:
        if not 0 < len(model) <= MAX_MODEL_NAME:
            return None
        head, slash, rest = model.partition("/")
        named = self.tools.get(head)
        if named is not None and (
            (slash and named.accepts(rest)) or (named.status is Status.DENIED and (rest or not slash))
        ):
            return named
        knowing = [tool for tool in self.tools.values() if tool.accepts(model)]
        denied = [tool for tool in knowing if tool.status is Status.DENIED]
        if denied:
            return denied[0]
        live = [tool for tool in knowing if tool.status is not Status.REQUESTED]
        return _closest(live or knowing, model)

    def models_for(
        self, role: Role, unit: str, today: date, suspended: frozenset[str] = frozenset()
    ) -> list[tuple[str, Tool]]:
        """What `/v1/models` shows: every name that this caller can use now, with its tool."""
        return [
            (name, tool)
            for tool in self.tools.values()
            if tool.id not in suspended and tool.usable(today) is None and tool.open_to(role, unit)
            for name in tool.model_ids()
            if self.tool_for(name) is tool
        ]


def _closest(tools: list[Tool], model: str) -> Tool | None:
    """The one tool of the first level on which any tool knows the name: alias, name written out, pattern."""
    levels = (
        [tool for tool in tools if model in tool.aliases],
        [tool for tool in tools if any(p.kind is PatternKind.LITERAL and p.matches(model) for p in tool.models)],
        tools,
    )
    best = next((level for level in levels if level), [])
    return best[0] if len(best) == 1 else None
