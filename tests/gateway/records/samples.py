"""Rows for tests; every value is invented."""

import uuid_utils

from gateway.records.rows import EnergyRow, Intent, LabelRow, OutcomeRow

START = 1_795_000_000_000  # a Wednesday in November 2026


def new_id() -> str:
    return str(uuid_utils.uuid7())


def intent(request_id: str | None = None, *, worker: str = "w-test", **changes: object) -> Intent:
    fields: dict[str, object] = {
        "request_id": request_id or new_id(),
        "ts_start": START,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "worker": worker,
        "actor": "a1-7m4kqv2zt3x6c5b8n9w1d0f2gh",
        "org": "Gemeente Voorbeeld",
        "unit": "Dienst Bevolking",
        "origin": "open-webui/lan",
        "action": "chat",
        "tool_id": "mistral-small",
        "provider": "mistral_ai",
        "request_model": "mistral-small-latest",
        "stream": True,
        "decision": "pseudonymized",
        "policy_rule": "tool:mistral-small/personal",
        "policy_version": "sha256:0123456789abcdef",
        "scanner_version": "1/nl-3.8/multi-3.8",
        "findings": (("PERSON", "personal", "pseudonymize", 2), ("IBAN_CODE", "personal", "pseudonymize", 1)),
        "retain_until": START + 184 * 86_400_000,
    }
    return Intent(**(fields | changes))  # type: ignore[arg-type]


def outcome(request_id: str, **changes: object) -> OutcomeRow:
    fields: dict[str, object] = {
        "request_id": request_id,
        "ts_end": START + 2_500,
        "status": 200,
        "upstream_status": 200,
        "finish_reasons": ("stop",),
        "response_model": "mistral-small-2603",
        "model_changed": True,
        "input_tokens": 312,
        "output_tokens": 140,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "latency_ms": 2500.5,
        "ttfc_ms": 310.25,
        "energy": EnergyRow(
            wh=(0.1, 0.2, 0.4), gco2e=(0.01, 0.02, 0.04), water_ml=(0.2, 0.4, 0.8), method="ecologits",
            factors_version="0.11.3",
        ),
        "label": LabelRow(record_id=request_id, visible=True, reason="shown", language="nl"),
        "bytes_up": 2048,
        "bytes_down": 4096,
        "ended_by": "completed",
    }  # fmt: skip
    return OutcomeRow(**(fields | changes))  # type: ignore[arg-type]
