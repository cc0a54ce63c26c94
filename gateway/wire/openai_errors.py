"""Error bodies as OpenAI's clients read them; a block in the shape of Azure's content filter (peers §5).

Open WebUI and openai-python show `error.message`, so it is one plain sentence and a reference, never an object.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import Blocked, GatewayError

_REFERENCE = {"nl": "Referentie", "fr": "Référence", "de": "Referenz", "en": "Reference"}
_AZURE = ("hate", "self_harm", "sexual", "violence")


def message(error: GatewayError, language: str, reference: str) -> str:
    """The sentence that a person sees, with the reference that the DPO can look up (promise 9)."""
    text = error.message(language)
    if not reference or reference in text:
        return text
    return f"{text} {_REFERENCE.get(language, _REFERENCE['en'])}: {reference}"


def error_object(error: GatewayError, language: str, *, reference: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """The value of `error`. `details` comes from closed lists: kinds, rules, tool names, never values."""
    ours = {"reference": reference, "reason_code": error.reason_code, **details}
    body: dict[str, Any] = {
        "message": message(error, language, reference),
        "type": error.error_type,
        "param": error.param,
        "code": error.reason_code,
    }
    if not isinstance(error, Blocked):
        return {**body, "sluis": ours}
    results: dict[str, Any] = {name: {"filtered": False, "severity": "safe"} for name in _AZURE}
    results |= {str(category): {"filtered": True, "detected": True} for category in details.get("categories", ())}
    return {
        **body,
        "param": error.param or "messages",
        "code": "content_filter",
        "status": error.status,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results, "sluis": ours},
    }


def error_body(error: GatewayError, language: str, *, reference: str, details: Mapping[str, Any]) -> bytes:
    """The whole body, as JSON."""
    return orjson.dumps({"error": error_object(error, language, reference=reference, details=details)})
