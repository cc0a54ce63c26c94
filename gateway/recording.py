"""An exchange as the two rows that are kept of it: names of the tool list, codes and numbers; no text (promise 4)."""

from collections import Counter
from collections.abc import Iterable

from gateway.energy import FACTORS_VERSION, Energy
from gateway.exchange import Exchange, Outcome
from gateway.policy.compiled import Tool
from gateway.records.actors import ActorKeys
from gateway.records.retention import retain_until
from gateway.records.rows import EndedBy, EnergyRow, Intent, LabelRow, OutcomeRow


def listed_name(tool: Tool, model: str) -> str:
    """The tool list's own word for a model: a name written out, else the tool's id with `*` (promise 4).

    A pattern lets a client choose the rest of the name, so that it cannot be recorded as it came.
    """
    if model in tool.model_ids() or f"{tool.id}/{model}" in tool.model_ids():
        return model
    return f"{tool.id}/*"


def answered_name(x: Exchange) -> str | None:
    """The model that answered, as it may be recorded.

    Where a pattern let the client choose the name, an upstream may repeat it: then only the list's own word is kept.
    """
    if not x.response_model or x.tool is None:
        return None
    if x.model == x.asked_model:  # written out in the list: what comes back is the upstream's own choice
        return x.response_model
    return x.model if x.response_model == x.tool.upstream_model(x.asked_model) else "unlisted"


def intent_row(x: Exchange, *, worker: str, actors: ActorKeys) -> Intent:
    """What is about to happen; no text."""
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
        worker=worker,
        actor=actors.actor(principal.subject, x.started_at) if principal else "",
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


def outcome_row(x: Exchange, *, ended_by: EndedBy, energy: Energy | None, now: float, clock: float) -> OutcomeRow:
    """What is kept of how an exchange ended; `now` in POSIX seconds, `clock` on the exchange's monotonic clock."""
    usage = x.usage
    return OutcomeRow(
        request_id=x.request_id,
        ts_end=int(now * 1000),
        status=x.status,
        upstream_status=x.upstream_status,
        error_type=x.error_type or None,
        finish_reasons=x.finish_reasons,
        response_model=answered_name(x),
        model_changed=bool(x.response_model and x.tool and x.response_model != x.tool.upstream_model(x.asked_model)),
        input_tokens=usage.input if usage else None,
        output_tokens=usage.output if usage else None,
        cached_tokens=usage.cached if usage else None,
        reasoning_tokens=usage.reasoning if usage else None,
        latency_ms=round((clock - x.started) * 1000, 1),
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
