"""The `ai_label` object: one versioned schema, at the top level of a JSON answer and on a stream's finish chunk."""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.exchange import Exchange

SCHEMA: Final = "urn:sluis:ai-label:1"
SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def label(x: Exchange, *, language: str, sentence: str, left_out: str | None) -> dict[str, Any]:
    """Machine-readable mark (O1). Holds facts of the answer and of the tool list, nothing of the person."""
    tool, policy = x.tool, x.policy
    return {
        "schema": SCHEMA,
        "ai_generated": True,
        "digital_source_type": SOURCE_TYPE,
        "tool": tool.id if tool else "",
        "model": x.asked_model,
        "provider": tool.provider.name if tool else "",
        "organisation": policy.organisation.id if policy else "",
        "generated_at": datetime.fromtimestamp(int(x.started_at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "language": language,
        "text": sentence,
        "visible_label": {"applied": left_out is None, "reason": left_out},
        "human_review": "none",
        "upstream_mark": tool.upstream_text_mark if tool else "unknown",
        "record_id": x.request_id,
    }
