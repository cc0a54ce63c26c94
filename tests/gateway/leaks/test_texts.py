"""Mails: every kind in every language, nothing missing, nothing that could be a value."""

import re
import string
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LANGUAGES as EXPECTED
from gateway.leaks.alerts import AUDIENCE, CATEGORIES, ROLES, SOURCES, Alert, Group, Kind
from gateway.leaks.texts import LANGUAGES, moment, render
from tests.gateway.leaks.conftest import START

UUID = "01999999-0000-7000-8000-00000000000{}"


def full(kind: Kind) -> Alert:
    group = Group("Burgerzaken", "mistral", 3, ("personal", "special"), {"IBAN_CODE": 4})
    return Alert(
        kind=kind,
        at=START,
        since=START - 60,
        unit="Burgerzaken",
        tool="mistral",
        count=3,
        categories=("personal", "special"),
        entity_types={"IBAN_CODE": 4, "PERSON": 1},
        groups=(group,) if kind is Kind.NEAR_MISS_DIGEST else (),
        references=(UUID.format(1), UUID.format(2)),
        reason_code="internal_error",
        incident="INC-2026-0007",
        source="forwarded",
        by_role="dpo",
        aware_at=START,
        deadline_72h=START + 259200,
        lines=("mistral: personal block → pseudonymize",),
        due="2026-12-01",
        days=7,
    )


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_four_languages_are_there() -> None:
    assert tuple(LANGUAGES) == EXPECTED


@pytest.mark.parametrize("language", EXPECTED)
def test_every_language_has_every_text_with_the_same_places(language: str) -> None:
    ours, english = LANGUAGES[language], LANGUAGES["en"]
    assert set(ours.subjects) == set(ours.what) == set(ours.todo) == set(Kind) == set(AUDIENCE)
    assert set(ours.categories) == CATEGORIES
    assert set(ours.sources) == SOURCES
    assert set(ours.roles) == ROLES
    assert set(ours.words) == set(english.words)
    assert set(ours.entity_types) == set(english.entity_types)
    for kind in Kind:
        assert places(ours.what[kind]) == places(english.what[kind])
        assert places(ours.subjects[kind]) == places(english.subjects[kind])
        assert [places(step) for step in ours.todo[kind]] == [places(step) for step in english.todo[kind]]
    for table in (ours.subjects, ours.what, ours.words, ours.categories, ours.sources, ours.roles):
        assert all(text.strip() for text in table.values())


@pytest.mark.parametrize("language", EXPECTED)
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_renders_full_and_empty_in_every_language(kind: Kind, language: str) -> None:
    for alert in (full(kind), Alert(kind=kind, at=START)):
        subject, body = render(alert, language, UTC)
        assert not re.search(r"[{}]|None", subject + body)
        assert "\n" not in subject
        assert LANGUAGES[language].words["no_values"] in body
        assert LANGUAGES[language].words["ask"] in body
        assert LANGUAGES[language].words["todo"] in body
        assert "  1. " in body
    subject, body = render(full(kind), language, UTC)
    for fact in ("Burgerzaken", "mistral", UUID.format(1), "INC-2026-0007", "2026-11-21 11:50 UTC", "pseudonymize"):
        assert fact in body
        if fact != "INC-2026-0007":
            assert fact not in subject
    assert "IBAN" in body


def test_a_language_that_we_do_not_have_is_english() -> None:
    assert render(full(Kind.TOOL_LIFTED), "xx", UTC) == render(full(Kind.TOOL_LIFTED), "en", UTC)


def test_times_name_their_zone() -> None:
    assert moment(START, ZoneInfo("Europe/Brussels")) == "2026-11-18 12:50 CET"


def test_a_digest_lists_units_and_says_how_many_references_it_left_out() -> None:
    references = tuple(f"01999999-0000-7000-8000-{n:012d}" for n in range(80))
    alert = Alert(
        kind=Kind.NEAR_MISS_DIGEST, at=START, count=80, references=references, groups=full(Kind.NEAR_MISS_DIGEST).groups
    )
    _, body = render(alert, "nl", UTC)
    assert (
        "- Burgerzaken, mistral: 3 × (persoonsgegevens, bijzondere persoonsgegevens (AVG art. 9 of 10); "
        "rekeningnummer (IBAN) × 4)" in body
    )
    assert "en nog 30" in body
    assert references[49] in body
    assert references[50] not in body


def test_an_alert_survives_its_row() -> None:
    for kind in Kind:
        alert = full(kind)
        assert Alert.from_json(alert.to_json()) == alert
    assert Alert.from_json(Alert(kind=Kind.POLICY_BAD, at=0.0).to_json()) == Alert(kind=Kind.POLICY_BAD, at=0.0)


VALUE = "85.07.30-000.61"
CODES: dict[str, Any] = {
    "reason_code": VALUE,
    "incident": VALUE,
    "source": VALUE,
    "by_role": VALUE,
    "due": VALUE,
    "categories": (VALUE,),
    "references": (VALUE,),
    "entity_types": {VALUE: 1},
}


@pytest.mark.parametrize("name", CODES)
def test_a_value_in_a_field_for_codes_does_not_travel(name: str) -> None:
    alert = Alert(kind=Kind.INCIDENT_OPENED, at=START, **{name: CODES[name]})
    assert VALUE not in str(alert.to_json())
    assert VALUE not in "".join(render(alert, "en", UTC))


@given(st.text(max_size=200))
def test_configured_text_cannot_break_out_of_its_line(text: str) -> None:
    alert = Alert(kind=Kind.POLICY_CHANGED, at=START, unit=text, tool=text, lines=(text, "last"))
    subject, body = render(alert, "en", UTC)
    plain = render(Alert(kind=Kind.POLICY_CHANGED, at=START, unit="u", tool="t", lines=("x", "last")), "en", UTC)
    assert subject == plain[0]
    missing = {"Unit": not alert.unit, "Tool": not alert.tool}
    assert len(body.splitlines()) == len(plain[1].splitlines()) - sum(missing.values())
