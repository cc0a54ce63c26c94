"""Irreversible masking with presidio-anonymizer, for what people write themselves: reasons, reports (promise 4)."""

from collections.abc import Sequence

from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

from filters.entities import ENTITY_TYPES
from filters.findings import Finding
from filters.merge import merge

_ENGINE = AnonymizerEngine()  # type: ignore[no-untyped-call, unused-ignore]
_OPERATORS = {name: OperatorConfig("replace", {"new_value": f"<{name}>"}) for name in ENTITY_TYPES}


def mask(text: str, findings: Sequence[Finding]) -> str:
    """Replace every finding by its entity type in angle brackets. What was there cannot be had back."""
    results = [RecognizerResult(f.entity_type, f.start, f.end, f.score) for f in merge(findings)]
    masked: str = _ENGINE.anonymize(text, results, operators=_OPERATORS).text
    return masked
