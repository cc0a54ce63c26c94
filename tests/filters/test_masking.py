"""Masking leaves kinds, never values."""

from filters.findings import Category, Finding
from filters.masking import mask


def finding(start: int, end: int, kind: str) -> Finding:
    return Finding(0, start, end, kind, Category.PERSONAL, 0.8, "test")


def test_replaces_every_finding_by_its_kind() -> None:
    text = "Jan Peeters, 85.07.30-000.61, belde."
    masked = mask(text, [finding(13, 28, "BE_NATIONAL_NUMBER"), finding(0, 11, "PERSON")])
    assert masked == "<PERSON>, <BE_NATIONAL_NUMBER>, belde."


def test_overlapping_findings_leave_nothing_of_the_text() -> None:
    assert mask("Jan Peeters", [finding(0, 6, "PERSON"), finding(4, 11, "EMAIL_ADDRESS")]) == "<PERSON><EMAIL_ADDRESS>"


def test_neighbours_of_one_kind_fall_together() -> None:
    """presidio-anonymizer joins them across white space; nothing of either is left."""
    assert mask("Jan Piet", [finding(0, 3, "PERSON"), finding(4, 8, "PERSON")]) == "<PERSON>"


def test_no_finding_no_change() -> None:
    assert mask("niets", []) == "niets"
