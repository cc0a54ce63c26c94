import dataclasses

import pytest

from gateway.records import binding
from gateway.records.rows import ENDED_BY, EnergyRow, Intent, LabelRow, OutcomeRow, check
from gateway.records.tables import intents, outcomes
from tests.gateway.records import samples

SENTENCE = "Mevrouw Voorbeeld woont in de Kerkstraat"


def test_no_field_is_named_for_text() -> None:
    names = {f.name for row in (Intent, OutcomeRow, EnergyRow, LabelRow) for f in dataclasses.fields(row)}
    columns = {c.name for table in (intents, outcomes) for c in table.columns}
    forbidden = {
        "text",
        "prompt",
        "answer",
        "content",
        "message",
        "body",
        "subject",
        "user",
        "ip",
        "user_agent",
        "title",
    }
    assert not forbidden & (names | columns)
    assert not [c for c in columns if c.startswith(("gen_ai_input", "gen_ai_output", "gen_ai_system"))]


CODES = [
    "worker", "actor", "origin", "action", "tool_id", "provider", "request_model", "policy_rule", "policy_version",
    "scanner_version", "trace_id", "span_id", "purpose", "processing_activity_id",
]  # fmt: skip


@pytest.mark.parametrize("field", CODES)
def test_an_intent_with_a_sentence_in_a_code_is_refused_and_not_quoted(field: str) -> None:
    with pytest.raises(ValueError, match="not a code") as caught:
        check(samples.intent(**{field: SENTENCE}))
    assert "Voorbeeld" not in str(caught.value)


@pytest.mark.parametrize("field", ["org", "unit", "classification"])
@pytest.mark.parametrize("value", ["a\nb", "a\x1fb", "x" * 81])
def test_an_intent_with_a_text_in_a_name_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match="own lists"):
        check(samples.intent(**{field: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": "perhaps"},
        {"findings": ((SENTENCE, "personal", "block", 1),)},
        {"findings": (("PERSON", "personal", SENTENCE, 1),)},
        {"unscanned": (SENTENCE,)},
        {"tool_id": "x" * 129},
        {"request_id": ""},
    ],
)
def test_an_intent_with_anything_else_than_codes_is_refused(changes: dict[str, object]) -> None:
    row = samples.intent()
    with pytest.raises(ValueError, match="an intent holds"):
        check(dataclasses.replace(row, **changes))  # type: ignore[arg-type]


def test_a_proper_intent_passes_with_and_without_its_optional_fields() -> None:
    check(samples.intent())
    check(samples.intent(trace_id=None, span_id=None, findings=(), classification="TRÈS SECRET UE/EU TOP SECRET"))


def values(row: OutcomeRow) -> dict[str, object]:
    return dict(zip(binding.OUTCOME_KEYS, binding.outcome(row), strict=True))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet-20241022"),
        ("mistralai/Mistral-Small-24B", "mistralai/Mistral-Small-24B"),
        ("llama3.1:8b", "llama3.1:8b"),
        ("85.07.30-000.61", "unlisted"),
        ("model-85073000061", "unlisted"),
        ("BE68 5390 0754 7034", "unlisted"),
        (SENTENCE, "unlisted"),
        ("x" * 200, "unlisted"),
        ("", "unlisted"),
    ],
)
def test_a_model_name_from_upstream_is_kept_only_when_it_looks_like_one(given: str, kept: str) -> None:
    assert values(samples.outcome("r", response_model=given))["response_model"] == kept


def test_strings_that_an_upstream_may_choose_pass_only_from_closed_lists() -> None:
    label = LabelRow(record_id=SENTENCE, visible=False, reason=SENTENCE, language=SENTENCE)
    energy = EnergyRow(wh=(0, 0, 0), gco2e=(0, 0, 0), water_ml=(0, 0, 0), method=SENTENCE, factors_version=SENTENCE)
    row = samples.outcome("r", finish_reasons=("stop", SENTENCE), error_type=SENTENCE, label=label, energy=energy)
    assert "Voorbeeld" not in repr(binding.outcome(row))
    assert values(row)["finish_reasons"] == '["stop","unlisted"]'
    assert values(row)["error_type"] == "unlisted"


def test_every_way_to_end_is_listed() -> None:
    assert {"completed", "client_left", "upstream_broke", "failed", "interrupted", "refused"} == ENDED_BY


def test_as_many_values_are_bound_as_there_are_columns() -> None:
    row = samples.intent()
    assert len(binding.intent(row)) == len(binding.INTENT_KEYS)
    for key, value in zip(binding.INTENT_KEYS, binding.intent(row), strict=True):
        if key not in {"findings", "unscanned"}:
            assert getattr(row, key) == value
