"""Merging keeps coverage, lets the higher type win and does not depend on order."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from filters.entities import ENTITY_TYPES
from filters.findings import Category, Finding
from filters.merge import merge

findings = st.builds(
    lambda slot, start, length, kind, score, origin: Finding(
        slot, start, start + length, kind, ENTITY_TYPES[kind].category, score, origin
    ),
    st.integers(0, 1),
    st.integers(0, 20),
    st.integers(1, 12),
    st.sampled_from(["PERSON", "BE_NATIONAL_NUMBER", "LOCATION", "SECRET", "MARKING_TLP"]),
    st.sampled_from([0.5, 0.9]),
    st.sampled_from(["a", "b"]),
)


def covered(found: list[Finding]) -> set[tuple[int, int]]:
    return {(finding.slot, position) for finding in found for position in range(finding.start, finding.end)}


@given(st.lists(findings, max_size=12))
def test_no_covered_character_is_lost_and_none_is_added(found: list[Finding]) -> None:
    assert covered(merge(found)) == covered(found)


@given(st.lists(findings, max_size=12))
def test_the_result_is_sorted_and_does_not_overlap(found: list[Finding]) -> None:
    merged = merge(found)
    for before, after in pairwise(merged):
        assert (before.slot, before.end) <= (after.slot, after.start) or before.slot < after.slot


@given(st.lists(findings, max_size=10), st.randoms())
def test_order_and_repetition_change_nothing(found: list[Finding], random: object) -> None:
    shuffled = found + found
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge(shuffled) == merge(found)


@given(st.lists(findings, max_size=10))
def test_every_character_has_the_highest_type_that_covered_it(found: list[Finding]) -> None:
    for merged in merge(found):
        for position in range(merged.start, merged.end):
            orders = [
                ENTITY_TYPES[f.entity_type].order
                for f in found
                if f.slot == merged.slot and f.start <= position < f.end
            ]
            assert ENTITY_TYPES[merged.entity_type].order == max(orders)


def test_a_number_inside_a_wrongly_long_name_still_counts_as_a_number() -> None:
    name = Finding(0, 0, 30, "PERSON", Category.PERSONAL, 0.8, "model")
    number = Finding(0, 10, 25, "BE_NATIONAL_NUMBER", Category.PERSONAL, 1.0, "pattern")
    assert [(f.start, f.end, f.entity_type) for f in merge([name, number])] == [
        (0, 10, "PERSON"),
        (10, 25, "BE_NATIONAL_NUMBER"),
        (25, 30, "PERSON"),
    ]
