"""The straight road of a request, for JSON: identify, parse, admit, scan, act, record, forward, restore, label, record.

`prepare` walks the part that every request shares; `answer` the part of a JSON reply (`streaming.py` has the other).
Each step raises a GatewayError where the road ends; nothing is forwarded before the intent is durable (promise 3).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from filters.findings import Path, ScanError, Scanner, Slot, SlotKind
from filters.pseudonyms import Placeholders
from gateway.database import ChangeWatcher
from gateway.energy import Estimator
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
from gateway.recording import intent_row, listed_name, outcome_row
from gateway.records.actors import ActorKeys
from gateway.records.rows import EndedBy
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
    began = parts.clock()
    await parts.records.intent(intent_row(x, worker=parts.worker, actors=parts.actors))
    parts.metrics.recorded(parts.clock() - began)
    x.intent_written = True
    x.bytes_up = len(body)
    # Scanning and recording take time: what was suspended meanwhile is not forwarded (T4).
    parts.watcher.check()
    admit(policy, call.model, principal=principal, suspended=parts.suspensions.current, today=day_of(x))
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


async def _refuse(parts: Parts, x: Exchange, error: GatewayError) -> None:
    """Both rows of an exchange that does not leave, in one commit."""
    x.status = error.status
    x.error_type = error.reason_code
    x.ended_by = "refused"
    intent = intent_row(x, worker=parts.worker, actors=parts.actors)
    outcome = outcome_row(x, ended_by="refused", energy=None, now=parts.now(), clock=parts.clock())
    await parts.records.refused(intent, outcome)


def finish(parts: Parts, x: Exchange, ended_by: EndedBy) -> None:
    """Record the outcome, exactly once; no await, so that a client who hangs up cannot prevent it."""
    if x.ended_by:
        return
    x.ended_by = ended_by
    if not x.intent_written:
        return
    energy = parts.energy.estimate(x)
    clock = parts.clock()
    parts.records.outcome(outcome_row(x, ended_by=ended_by, energy=energy, now=parts.now(), clock=clock))
    parts.metrics.finished(x, energy, now=clock)
