"""The difference between two lists, per tool and in words, without secrets."""

import pytest

from gateway.policy.diff import diff
from tests.gateway.policy.trees import blocking, compiled, tool

KEY = "k-4711-not-for-anybody"


def test_the_same_content_is_no_difference() -> None:
    difference = diff(compiled(tool()), compiled(tool()))
    assert not difference
    assert difference.lines("nl")[-1] == "Geen verschil in de inhoud."


def test_added_changed_and_removed_tools_are_told_in_words() -> None:
    old = compiled(tool(visible_label=True, hosts=["a.example.org"]), tool(id="old", name="Old"))
    new = compiled(tool(status="suspended", hosts=["b.example.org", "c.example.org"]), blocking())
    difference = diff(old, new)
    assert difference
    assert difference.lines("nl") == [
        f"De toollijst is gewijzigd (versie {old.version} → {new.version}).",
        "Gewijzigd: Alpha (alpha)",
        "  - status: van approved naar suspended",
        "  - hosts: van a.example.org naar b.example.org, c.example.org",
        "  - visible_label: van yes naar no",
        "Toegevoegd: Beta (beta)",
        "  - status: van – naar approved",
        "  - provider.name: van – naar Alpha NV",
        "  - terms: van – naar enterprise",
        "  - trains_on_input: van – naar no",
        "  - upstream.base_url: van – naar https://alpha.example.org/v1/",
        "  - data.personal: van – naar block",
        "  - data.special: van – naar block",
        "  - data.confidential: van – naar block",
        "  - data.security: van – naar block",
        "  - data.none_found: van – naar allow",
        "  - approvals.ict.by: van – naar team lead",
        "  - approvals.ict.date: van – naar 2026-10-01",
        "  - approvals.dpo.by: van – naar data protection officer",
        "  - approvals.dpo.date: van – naar 2026-10-01",
        "  - review_by: van – naar 2027-06-01",
        "Verwijderd: Old (old)",
    ]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_not_dutch_is_english(language: str) -> None:
    lines = diff(compiled(tool()), compiled(tool(data__personal="block"))).lines(language)
    assert lines[1:] == ["Changed: Alpha (alpha)", "  - data.personal: from pseudonymize to block"]


def test_what_stands_outside_the_tools_is_told_too() -> None:
    old = compiled(tool(), organisation__id="0123", entities={"BE_PLATE": "block"})
    lines = diff(old, compiled(tool(), entities={"BE_PLATE": "note"})).lines("nl")
    assert lines[1:] == [
        "Algemeen:",
        "  - organisation.id: van 0123 naar –",
        "  - entities.BE_PLATE: van block naar note",
    ]


def test_a_new_key_is_told_by_its_source_never_by_its_value() -> None:
    new = compiled(tool(upstream__key={"env": "ALPHA_KEY"}), environ={"ALPHA_KEY": KEY})
    difference = diff(compiled(tool()), new)
    assert any("ALPHA_KEY" in line for line in difference.lines("nl"))
    assert KEY not in repr(difference) + "".join(difference.lines("nl"))
