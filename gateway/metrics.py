"""Prometheus metrics: closed label sets, no principal, OpenTelemetry's GenAI names where one exists.

The supervisor sets PROMETHEUS_MULTIPROC_DIR before this module is imported, so that all workers' figures add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from gateway.energy import BOUNDS, FACTORS_VERSION, Energy
from gateway.errors import REASON_CODES
from gateway.exchange import Action, Exchange, Outcome

Mode = Literal["livesum", "livemax", "livemin"]
"""How the workers' values of a gauge become one."""
_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_SHORT: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)
_TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
_ENVELOPE: Final = "Sums of lows and of highs are worst-case envelopes, not confidence intervals."


@dataclass(frozen=True, slots=True)
class _Children:
    duration: Histogram
    first_chunk: Histogram
    overhead: Histogram
    scan: Histogram
    tokens_in: Histogram
    tokens_out: Histogram


class Metrics:
    """All families of one process. Label values come from the policy and our own enumerations, never from a client."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        def gauge(name: str, text: str, mode: Mode, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry, multiprocess_mode=mode)

        self.requests = counter("sluis_requests", "Exchanges ended.", "tool", "outcome", "status")
        self.errors = counter("sluis_errors", "Requests answered with an error.", "reason_code")
        self.in_flight = gauge("sluis_in_flight_requests", "Exchanges under way.", "livesum")
        self.duration = histogram(
            "gen_ai_client_operation_duration_seconds", "From request to last byte.", _SECONDS,
            "gen_ai_operation_name", "gen_ai_provider_name", "tool",
        )  # fmt: skip
        self.first_chunk = histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds", "From request to the first byte back.", _SECONDS,
            "gen_ai_operation_name", "gen_ai_provider_name", "tool",
        )  # fmt: skip
        self.tokens = histogram(
            "gen_ai_client_token_usage", "Tokens of one exchange, as the upstream counted them.", _TOKENS,
            "gen_ai_token_type", "gen_ai_provider_name", "tool",
        )  # fmt: skip
        self.overhead = histogram(
            "sluis_overhead_seconds", "Time the gateway added: total minus upstream.", _SHORT, "tool"
        )
        self.scan = histogram("sluis_scan_seconds", "Time to scan one request.", _SHORT, "tool")
        self.record = histogram(
            "sluis_record_seconds", "Time until the intent was durable: one commit, with its wait.", _SHORT
        )
        self.scan_failures = counter("sluis_scan_failures", "Requests refused because a filter did not answer.")
        self.findings = counter("sluis_findings", "Findings by entity type and action.", "entity_type", "action")
        self.blocks = counter("sluis_blocks", "Exchanges that policy stopped (near misses).", "tool", "category")
        self.pseudonymizations = counter("sluis_pseudonymizations", "Values replaced by placeholders.", "tool")
        self.avoided = counter("sluis_avoided_requests", "Requests that cost no upstream energy: blocked.", "tool")
        self.suspended = gauge("sluis_suspended_tools", "Tools on hold (kill switch).", "livemax")
        self.outbox = gauge("sluis_outbox_pending", "Alerts that wait to be sent.", "livemax")
        self.given_up = gauge("sluis_alerts_given_up", "Alerts that were never delivered.", "livemax")
        self.policy_ok = gauge(
            "sluis_policy_ok", "1: the tool list on disk is in force; 0: an older one is.", "livemin"
        )
        self.policy_info = gauge(
            "sluis_policy_info", "1: this policy version is in force; 0: it was.", "livemax", "version"
        )
        self.reviews_due = gauge("sluis_reviews_due", "Tools whose review date is within 30 days.", "livemax")
        self.records_pending = gauge("sluis_records_pending", "Outcome rows that wait to be written.", "livesum")
        self.state_age = gauge(
            "sluis_state_age_seconds", "Age of this worker's view of keys and suspensions.", "livemax"
        )
        self.tasks = gauge("sluis_tasks", "Tasks of the workers' event loops; grow with exchanges only.", "livesum")
        self.energy = counter("sluis_energy_joules", f"Estimated energy. {_ENVELOPE}", "tool", "bound", "method")
        self.co2e = counter("sluis_co2e_grams", f"Estimated emissions. {_ENVELOPE}", "tool", "bound", "basis")
        self.water = counter("sluis_water_litres", f"Estimated water. {_ENVELOPE}", "tool", "bound", "scope")
        self.energy_factors = gauge("sluis_energy_factors_info", "Versions of the factors used.", "livemax", "factors")
        self.energy_unknown = counter(
            "sluis_energy_unknown_model_requests", "Answers whose energy could not be estimated.", "tool"
        )
        self.pue = gauge("sluis_datacentre_pue_ratio", "PUE of the tool list; DCiE = 1/PUE.", "livemax", "tool")
        self.energy_factors.labels(FACTORS_VERSION).set(1)
        for code in REASON_CODES:  # a series that exists from the start: `increase()` then sees the first error too
            self.errors.labels(code)
        self._policy_version = ""
        self._children: dict[tuple[str, str, str], _Children] = {}

    def started(self, under_way: int) -> None:
        self.in_flight.set(under_way)

    def ended(self, x: Exchange, under_way: int) -> None:
        """Every request, whatever became of it."""
        self.in_flight.set(under_way)
        if x.error_type:
            self.errors.labels(x.error_type).inc()
        outcome = str(x.decision.outcome) if x.decision else "none"
        self.requests.labels(x.tool.id if x.tool else "none", outcome, str(x.status)).inc()
        if x.decision is not None and x.findings:
            self._found(x)

    def _found(self, x: Exchange) -> None:
        if x.decision is None:
            return
        tool = x.tool.id if x.tool else "none"
        for finding, action in zip(x.findings, x.decision.actions, strict=True):
            self.findings.labels(finding.entity_type, str(action)).inc()
            if action is Action.PSEUDONYMIZE and x.decision.outcome is not Outcome.BLOCKED:
                self.pseudonymizations.labels(tool).inc()
        if x.decision.outcome is Outcome.BLOCKED:
            self.avoided.labels(tool).inc()
            for category in x.decision.categories:
                self.blocks.labels(tool, str(category)).inc()

    def recorded(self, seconds: float) -> None:
        """An intent is on disk."""
        self.record.observe(seconds)

    def scan_failed(self) -> None:
        self.scan_failures.inc()

    def _of(self, x: Exchange, tool: str, provider: str) -> "_Children":
        """The children for one tool and operation: looking each up by its labels costs 1 µs a piece."""
        key = (x.operation, provider, tool)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = _Children(
                duration=self.duration.labels(*key),
                first_chunk=self.first_chunk.labels(*key),
                overhead=self.overhead.labels(tool),
                scan=self.scan.labels(tool),
                tokens_in=self.tokens.labels("input", provider, tool),
                tokens_out=self.tokens.labels("output", provider, tool),
            )
        return children

    def finished(self, x: Exchange, energy: Energy | None, *, now: float) -> None:
        """An exchange that was forwarded; `now` on the exchange's monotonic clock."""
        if x.tool is None:
            return
        tool, provider = x.tool.id, x.tool.provider.otel_name
        total = now - x.started
        of = self._of(x, tool, provider)
        of.duration.observe(total)
        of.scan.observe(x.scan_seconds)
        if x.first_chunk:
            of.first_chunk.observe(x.first_chunk - x.started)
        if x.upstream_ended:
            of.overhead.observe(max(0.0, total - (x.upstream_ended - x.upstream_started)))
        if x.usage is not None:
            of.tokens_in.observe(x.usage.input)
            of.tokens_out.observe(x.usage.output)
            if energy is None:
                self.energy_unknown.labels(tool).inc()
        if energy is not None:
            self._spent(tool, energy)

    def _spent(self, tool: str, energy: Energy) -> None:
        for i, bound in enumerate(BOUNDS):
            self.energy.labels(tool, bound, energy.method).inc(energy.joules[i])
            self.co2e.labels(tool, bound, "location").inc(energy.co2e_grams[i])
            self.water.labels(tool, bound, "onsite").inc(energy.water_onsite_ml[i] / 1000)
            self.water.labels(tool, bound, "offsite").inc(energy.water_offsite_ml[i] / 1000)

    def state(
        self,
        *,
        suspended: int,
        outbox: int,
        given_up: int,
        policy_ok: bool,
        policy_version: str,
        reviews_due: int,
        records_pending: int,
        state_age: float,
        tasks: int,
        pue: Mapping[str, float],
    ) -> None:
        """What the worker's pulse reports every second."""
        self.suspended.set(suspended)
        self.outbox.set(outbox)
        self.given_up.set(given_up)
        self.policy_ok.set(1 if policy_ok else 0)
        if policy_version != self._policy_version:  # labels cannot be cleared with several processes: 0 says "was"
            if self._policy_version:
                self.policy_info.labels(self._policy_version).set(0)
            self._policy_version = policy_version
        self.policy_info.labels(policy_version).set(1)
        self.reviews_due.set(reviews_due)
        self.records_pending.set(records_pending)
        self.state_age.set(min(state_age, 1e6))
        self.tasks.set(tasks)
        for tool, ratio in pue.items():
            self.pue.labels(tool).set(ratio)
