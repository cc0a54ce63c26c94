"""The straight road of a request, for JSON: identify, parse, admit, scan, act, record, forward, restore, label, record.

`prepare` walks the part that every request shares; `answer` the part of a JSON reply (`streaming.py` has the other).
Each step raises a GatewayError where the road ends; nothing is forwarded before the intent is durable (promise 3).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from filters.findings import Path, ScanError, Scanner, Slot, SlotKind
from filters.pseudonyms import Placeholders
from gateway.database import ChangeWatcher
from gateway.energy import FACTORS_VERSION, Energy, Estimator
from gateway.errors import Blocked, GatewayError, Unavailable, sentence
from gateway.exchange import Action, AnswerFacts, Decision, Exchange, Outcome, Principal, Stamp
from gateway.identity.suspensions import Suspensions
from gateway.labels import Labels
from gateway.leaks.leaks import Leaks, NearMiss
from gateway.logs import Log
from gateway.metrics import Metrics
from gateway.policy.compiled import Policy, Tool
from gateway.policy.decide import act, admit, blocked_error
from gateway.policy.loader import PolicyStore
from gateway.records.actors import ActorKeys
from gateway.records.retention import retain_until
from gateway.records.rows import EndedBy, EnergyRow, Intent, LabelRow, OutcomeRow
from gateway.records.store import RecordStore
from gateway.settings import Settings
from gateway.upstream import Destination, UpstreamClient
from gateway.wire import Call, Send, WireFormat

_log = Log("gateway.pipeline")

SCAN_UNAVAILABLE = sentence(
    "scan_unavailable",
    "a filter did not answer or failed; raw text is never the fallback (promise 2)",
    nl="De controle op gevoelige gegevens werkt nu niet; daarom is uw vraag niet doorgestuurd. Probeer het zo opnieuw.",
    fr="Le contrôle des données sensibles ne fonctionne pas ; votre demande n'a donc pas été transmise. Réessayez.",
    de="Die Prüfung auf sensible Daten funktioniert gerade nicht; Ihre Anfrage wurde nicht weitergeleitet. Versuchen "
    "Sie es gleich noch einmal.",
    en="The check for sensitive data does not work right now, so your request was not passed on. Try again soon.",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the road is made of; joined once, in `gateway.app`."""

    settings: Settings
    watcher: ChangeWatcher
    suspensions: Suspensions
    policy: PolicyStore
    scanner: Scanner
    placeholder_key: bytes
    actors: ActorKeys
    records: RecordStore
    leaks: Leaks
    labels: Labels
    metrics: Metrics
    energy: Estimator
    upstream: UpstreamClient
    worker: str
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


@dataclass(slots=True, repr=False)
class Prepared:
    """A request that may leave: its body as it goes upstream, and what is needed to restore the answer."""

    wire: WireFormat
    call: Call
    tool: Tool
    destination: Destination
    body: bytes
    placeholders: Placeholders | None

    def stamper(self, parts: Parts, x: Exchange) -> Callable[[AnswerFacts], Stamp | None]:
        """What the wire format calls once it knows the facts of the answer."""

        def stamp(facts: AnswerFacts) -> Stamp | None:
            x.finish_reasons = facts.finish_reasons
            x.response_model = facts.response_model
            x.label = parts.labels.stamp(x, facts)
            return x.label

        return stamp


def day_of(x: Exchange) -> date:
    """The UTC day of a request."""
    return datetime.fromtimestamp(x.started_at, UTC).date()


async def prepare(parts: Parts, x: Exchange, wire: WireFormat, call: Call, principal: Principal) -> Prepared:
    """From an admitted caller and a parsed call to a body that may leave, its intent durable."""
    policy = parts.policy.current
    suspended = parts.suspensions.current
    x.policy = policy
    try:
        tool = admit(policy, call.model, principal=principal, suspended=suspended, today=day_of(x))
    except GatewayError as error:
        outcome = Outcome.SUSPENDED if error.reason_code == "tool_suspended" else Outcome.DENIED
        x.decision = Decision(outcome=outcome, reason_code=error.reason_code, policy_rule=error.reason_code)
        await _refuse(parts, x, error)
        raise
    x.tool = tool
    x.model = listed_name(tool, call.model)
    x.asked_model = call.model
    wire.strip(call, parts.labels.strip)
    slots = wire.slots(call)
    await _scan(parts, x, slots, tool)
    atoms = {f.slot for f in x.findings if slots[f.slot].kind is SlotKind.ATOM}
    decision = act(policy, tool, x.findings, unscannable=call.unscannable, atoms=atoms)
    x.decision = decision
    if decision.outcome is Outcome.BLOCKED:
        # Shielded: a client that hangs up at this moment would keep its near miss out of the list.
        raise await asyncio.shield(_block(parts, x, policy, tool, unscannable=call.unscannable, atoms=atoms))
    x.unscanned = call.unscannable
    placeholders = _pseudonymize(parts, x, wire, call, slots) if decision.outcome is Outcome.PSEUDONYMIZED else None
    destination = destination_of(tool, wire.upstream_path, parts.settings)
    upstream = tool.upstream
    send = Send(
        model=tool.upstream_model(call.model),
        include_usage=upstream.include_usage if upstream else True,
        store_false=upstream.store_false if upstream else False,
    )
    body = wire.encode(call, send)
    await parts.records.intent(_intent(parts, x))
    x.intent_written = True
    x.bytes_up = len(body)
    return Prepared(wire, call, tool, destination, body, placeholders)


async def _scan(parts: Parts, x: Exchange, slots: Sequence[Slot], tool: Tool) -> None:
    began = parts.clock()
    try:
        x.findings = await parts.scanner.scan(slots, tool.point)
    except ScanError:
        parts.metrics.scan_failed()
        raise Unavailable(SCAN_UNAVAILABLE, headers={"Retry-After": "2"}) from None
    x.scan_seconds = parts.clock() - began
    x.scanned_slots = len(slots)
    x.scanner_version = parts.scanner.version


async def _block(
    parts: Parts, x: Exchange, policy: Policy, tool: Tool, *, unscannable: Sequence[str], atoms: Collection[int]
) -> Blocked:
    """Record the block and the near miss; return the error that the caller gets."""
    assert x.decision is not None  # noqa: S101  (set by the caller)
    error = blocked_error(
        policy,
        tool,
        x.decision,
        x.findings,
        reference=x.request_id,
        suspended=parts.suspensions.current,
        today=day_of(x),
        principal=x.principal,
        unscannable=unscannable,
        atoms=atoms,
    )
    await _refuse(parts, x, error)
    counts = Counter(f.entity_type for f, a in zip(x.findings, x.decision.actions, strict=True) if a is Action.BLOCK)
    await parts.leaks.near_miss(
        NearMiss(
            request_id=x.request_id,
            at=x.started_at,
            unit=x.principal.unit if x.principal else "",
            tool=tool.id,
            categories=x.decision.categories,
            entity_types=dict(counts),
            reason_code=error.reason_code,
        )
    )
    return error


def _pseudonymize(parts: Parts, x: Exchange, wire: WireFormat, call: Call, slots: Sequence[Slot]) -> Placeholders:
    """Replace what policy says to replace, each slot once."""
    decision, principal, tool = x.decision, x.principal, x.tool
    assert decision is not None  # noqa: S101  (set by the caller)
    assert principal is not None  # noqa: S101
    assert tool is not None  # noqa: S101
    spans: dict[int, list[tuple[int, int, str]]] = {}
    for finding, action in zip(x.findings, decision.actions, strict=True):
        if action is Action.PSEUDONYMIZE:
            spans.setdefault(finding.slot, []).append((finding.start, finding.end, finding.entity_type))
    placeholders = Placeholders(parts.placeholder_key, f"{principal.subject}|{tool.id}|{day_of(x).isoformat()}")
    placeholders.reserve(slot.text for slot in slots)
    texts: dict[Path, str] = {
        slots[index].path: placeholders.substitute(slots[index].text, sorted(found)) for index, found in spans.items()
    }
    wire.rewrite(call, texts)
    return placeholders


def listed_name(tool: Tool, model: str) -> str:
    """The tool list's own word for a model: a name written out, else the tool's id with `*` (promise 4).

    A pattern lets a client choose the rest of the name, so that it cannot be recorded as it came.
    """
    if model in tool.model_ids() or f"{tool.id}/{model}" in tool.model_ids():
        return model
    return f"{tool.id}/*"


_destinations: dict[tuple[int, str], tuple[Tool, Destination]] = {}


def destination_of(tool: Tool, path: str, settings: Settings) -> Destination:
    """The one place a tool's requests go, built once for each compiled tool (a new policy compiles new tools)."""
    known = _destinations.get((id(tool), path))
    if known is not None and known[0] is tool:
        return known[1]
    upstream = tool.upstream
    if upstream is None:
        raise LookupError("a tool without an upstream was admitted")  # admit() lets none through
    if len(_destinations) > 256:  # noqa: PLR2004  (old policies' tools)
        _destinations.clear()
    secret = upstream.secret()
    header: Mapping[str, str] = {}
    if secret:
        header = {"api-key": secret} if upstream.auth == "api-key" else {"Authorization": f"Bearer {secret}"}
    destination = Destination.build(
        upstream.base_url.rstrip("/") + path,
        secret=header,
        connect_timeout=upstream.connect_timeout or settings.connect_timeout,
        read_timeout=upstream.read_timeout or settings.read_timeout,
        total_timeout=settings.total_timeout,
        ca_file=upstream.ca_file,
    )
    _destinations[(id(tool), path)] = (tool, destination)
    return destination


async def answer(parts: Parts, x: Exchange, prepared: Prepared) -> bytes:
    """Forward, read, restore and stamp: the body of a JSON reply. Raises GatewayError."""
    x.upstream_started = parts.clock()
    response = await parts.upstream.post(prepared.destination, prepared.body)
    try:
        x.upstream_status = response.status
        x.first_chunk = parts.clock()
        raw = await response.read()
        x.upstream_ended = parts.clock()
    finally:
        response.close()
    reply = prepared.wire.read(raw, prepared.call)
    x.usage = reply.usage
    body = prepared.wire.write(
        reply,
        restorers=prepared.placeholders,
        hosts=prepared.tool.restore_hosts,
        stamp=prepared.stamper(parts, x),
    )
    x.bytes_down = len(body)
    return body


def _intent(parts: Parts, x: Exchange) -> Intent:
    principal, decision, tool, policy = x.principal, x.decision, x.tool, x.policy
    actions = decision.actions if decision else ()
    counted = Counter((f.entity_type, str(f.category), str(a)) for f, a in zip(x.findings, actions, strict=False))
    start = int(x.started_at * 1000)
    markings = [f.entity_type for f in x.findings if f.entity_type.startswith("MARKING_")]
    return Intent(
        request_id=x.request_id,
        ts_start=start,
        trace_id=x.request_id.replace("-", ""),
        span_id=x.request_id.replace("-", "")[16:],
        worker=parts.worker,
        actor=parts.actors.actor(principal.subject, x.started_at) if principal else "",
        org=policy.organisation.id if policy else "",
        unit=principal.unit if principal else "",
        origin="vouched" if principal and principal.vouched else "direct",
        action=x.operation,
        tool_id=tool.id if tool else "",
        provider=tool.provider.otel_name if tool else "",
        request_model=x.model,
        stream=x.stream,
        decision=str(decision.outcome) if decision else str(Outcome.ALLOWED),
        policy_rule=decision.policy_rule if decision else "",
        policy_version=policy.version if policy else "",
        scanner_version=x.scanner_version,
        findings=tuple((*kinds, number) for kinds, number in sorted(counted.items())),
        classification=min(markings) if markings else None,
        unscanned=x.unscanned,
        retain_until=retain_until(start),
    )


def outcome_row(parts: Parts, x: Exchange, *, ended_by: EndedBy, energy: Energy | None) -> OutcomeRow:
    """What is kept of how an exchange ended; no text."""
    usage = x.usage
    return OutcomeRow(
        request_id=x.request_id,
        ts_end=int(parts.now() * 1000),
        status=x.status,
        upstream_status=x.upstream_status,
        error_type=x.error_type or None,
        finish_reasons=x.finish_reasons,
        response_model=x.response_model or None,
        model_changed=bool(x.response_model and x.tool and x.response_model != x.tool.upstream_model(x.asked_model)),
        input_tokens=usage.input if usage else None,
        output_tokens=usage.output if usage else None,
        cached_tokens=usage.cached if usage else None,
        reasoning_tokens=usage.reasoning if usage else None,
        latency_ms=round((parts.clock() - x.started) * 1000, 1),
        ttfc_ms=round((x.first_chunk - x.started) * 1000, 1) if x.first_chunk else None,
        energy=_energy_row(energy),
        label=_label_row(x),
        bytes_up=x.bytes_up,
        bytes_down=x.bytes_down,
        ended_by=ended_by,
    )


def _energy_row(energy: Energy | None) -> EnergyRow | None:
    if energy is None:
        return None
    water = zip(energy.water_onsite_ml, energy.water_offsite_ml, strict=True)
    return EnergyRow(
        wh=_three(j / 3600 for j in energy.joules),
        gco2e=_three(energy.co2e_grams),
        water_ml=_three(onsite + offsite for onsite, offsite in water),
        method=energy.method,
        factors_version=FACTORS_VERSION,
    )


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    low, mid, high = (float(f"{value:.4g}") for value in values)
    return low, mid, high


def _label_row(x: Exchange) -> LabelRow | None:
    if x.label is None:
        return None
    label = x.label.ai_label
    visible = label["visible_label"]
    return LabelRow(
        record_id=label["record_id"],
        visible=visible["applied"],
        reason=visible["reason"] or "",
        language=label["language"],
    )


async def _refuse(parts: Parts, x: Exchange, error: GatewayError) -> None:
    """Both rows of an exchange that does not leave, in one commit."""
    x.status = error.status
    x.error_type = error.reason_code
    x.ended_by = "refused"
    await parts.records.refused(_intent(parts, x), outcome_row(parts, x, ended_by="refused", energy=None))


def finish(parts: Parts, x: Exchange, ended_by: EndedBy) -> None:
    """Record the outcome, exactly once; no await, so that a client who hangs up cannot prevent it."""
    if x.ended_by:
        return
    x.ended_by = ended_by
    if not x.intent_written:
        return
    energy = parts.energy.estimate(x)
    parts.records.outcome(outcome_row(parts, x, ended_by=ended_by, energy=energy))
    parts.metrics.finished(x, energy, now=parts.clock())
