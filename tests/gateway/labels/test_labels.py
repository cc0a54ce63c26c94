"""Labels say that an answer was made with AI, and never break a machine's format (O1, O2; promise 8)."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import http_sf
import pytest

from gateway.exchange import AnswerFacts, Exchange, Principal, Role
from gateway.labels import Labels, headers, visible

PLAIN = AnswerFacts(finish_reasons=("stop",), characters=400)


def exchange(**changes: Any) -> Exchange:
    """An exchange with a tool that opted in to the visible sentence. The tool is a stand-in with the label's fields."""
    tool = SimpleNamespace(
        id="mistral", name="Mistral (proef)", provider=SimpleNamespace(name="Mistral AI"), visible_label=True,
        upstream_text_mark="none",
    )  # fmt: skip
    x = Exchange(request_id="0193-x", started=0.0, started_at=1_795_219_200.0, asked_model="mistral-small-latest")
    x.tool = cast("Any", changes.get("tool", tool))
    x.policy = cast("Any", SimpleNamespace(organisation=SimpleNamespace(id="0207.000.000")))
    x.principal = Principal("k", "s", changes.get("role", Role.STAFF), "Burgerzaken", changes.get("language", "nl"))
    return x


def test_the_header_is_a_structured_dictionary_with_all_members() -> None:
    made = dict(headers.disclosure(model='mi"stral', provider="Société Générale", at=1_795_219_200, record="r"))
    parsed = http_sf.parse(made[b"ai-disclosure"], tltype="dictionary")
    assert str(parsed["mode"][0]) == "ai-originated"
    assert parsed["model"][0] == 'mi"stral'
    assert parsed["provider"][0] == "Soci?t? G?n?rale"
    assert parsed["date"][0] == datetime.fromtimestamp(1_795_219_200, UTC)


def test_the_label_carries_the_iptc_source_type_and_the_reference() -> None:
    stamp = Labels().stamp(exchange(), PLAIN)
    assert stamp.ai_label["ai_generated"] is True
    assert stamp.ai_label["digital_source_type"].endswith("/trainedAlgorithmicMedia")
    assert stamp.ai_label["record_id"] == "0193-x"
    assert stamp.ai_label["generated_at"] == "2026-11-21T00:00:00Z"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (AnswerFacts(finish_reasons=("stop",), characters=400, json_mode=True), "response_format"),
        (AnswerFacts(finish_reasons=("tool_calls",), characters=400, has_tool_calls=True), "tool_calls"),
        (AnswerFacts(finish_reasons=("stop",), characters=400, code_only=True), "code_only"),
        (AnswerFacts(finish_reasons=("stop", "stop"), characters=400, choices=2), "several_choices"),
        (AnswerFacts(finish_reasons=("stop",), characters=400, logprobs=True), "logprobs"),
        (AnswerFacts(finish_reasons=("length",), characters=400), "finish_reason"),
        (AnswerFacts(finish_reasons=("content_filter",), characters=400), "finish_reason"),
        (AnswerFacts(finish_reasons=("stop",), characters=12), "too_short"),
        (PLAIN, None),
    ],
)
def test_the_sentence_appears_only_where_all_conditions_hold(facts: AnswerFacts, reason: str | None) -> None:
    stamp = Labels().stamp(exchange(), facts)
    assert stamp.ai_label["visible_label"] == {"applied": reason is None, "reason": reason}
    assert (stamp.sentence is None) == (reason is not None)


def test_a_service_key_of_a_machine_gets_no_sentence() -> None:
    assert Labels().stamp(exchange(role=Role.SERVICE), PLAIN).ai_label["visible_label"]["reason"] == "service_key"


def test_a_tool_that_did_not_opt_in_gets_no_sentence() -> None:
    x = exchange()
    cast("Any", x.tool).visible_label = False
    assert Labels().stamp(x, PLAIN).ai_label["visible_label"]["reason"] == "not_opted_in"


@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
def test_the_sentence_is_taken_out_of_the_history_again(language: str) -> None:
    answer = "Beste,\n\nHet loket is open tot 16 uur."
    stamped = answer + (Labels().stamp(exchange(language=language), PLAIN).sentence or "")
    assert stamped != answer
    assert visible.strip(stamped) == answer
    assert visible.strip(stamped + (Labels().stamp(exchange(language=language), PLAIN).sentence or "")) == answer


@pytest.mark.parametrize(
    "text",
    ["", "Gegenereerd met AI", "Gegenereerd met AI (x). Nog niet door een medewerker nagekeken. Toch wel.", "Eind."],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert visible.strip(text) == text
