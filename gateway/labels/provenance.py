"""The `ai_label` object: one versioned schema, at the top level of a JSON answer and on a stream's finish chunk."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from gateway.exchange import Exchange

SCHEMA: Final = "urn:sluis:ai-label:1"
SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@lru_cache(maxsize=4)
def _timestamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
        "generated_at": _timestamp(int(x.started_at)),
        "language": language,
        "text": sentence,
        "visible_label": {"applied": left_out is None, "reason": left_out},
        "human_review": "none",
        "upstream_mark": tool.upstream_text_mark if tool else "unknown",
        "record_id": x.request_id,
    }
