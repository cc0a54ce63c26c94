"""Model names by pattern: the whole name, in linear time, and whether two patterns meet."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.patterns import PatternKind, compile_pattern, overlap


@pytest.mark.parametrize(
    ("pattern", "kind", "fits", "does_not"),
    [
        ("mistral-small", PatternKind.LITERAL, ["mistral-small"], ["mistral-small-latest", "Mistral-small", ""]),
        ("mistral-*", PatternKind.GLOB, ["mistral-", "mistral-large"], ["xmistral-large", "mistral"]),
        ("gpt-4?", PatternKind.GLOB, ["gpt-4o"], ["gpt-4", "gpt-4oo"]),
        ("a.b*", PatternKind.GLOB, ["a.bc"], ["axbc"]),
        ("re:gpt-[45](o|-mini)?", PatternKind.REGEX, ["gpt-4", "gpt-5-mini"], ["gpt-4-turbo", "xgpt-4"]),
        ("*", PatternKind.GLOB, ["anything/at:all"], []),
    ],
)
def test_a_pattern_fits_whole_names_only(pattern: str, kind: PatternKind, fits: list[str], does_not: list[str]) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.kind is kind
    assert all(compiled.matches(name) for name in fits)
    assert not any(compiled.matches(name) for name in does_not)


@pytest.mark.parametrize("pattern", ["re:(", "re:(?=x)", r"re:(a)\1"])
def test_what_re2_does_not_know_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="RE2"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", "a*", True),
        ("a*", "a", True),
        ("a*", "*b", True),
        ("a*", "b*", False),
        ("a?", "?b", True),
        ("a?c", "a??c", False),
        ("*x*", "y*", True),
        ("*", "?", True),
        ("ab", "re:a.", True),
        ("re:a.", "ab", True),
        ("re:a.", "re:a.", True),
        ("re:a.", "a*", False),  # not known: only equal expressions are said to meet
    ],
)
def test_whether_two_patterns_meet(one: str, other: str, meet: object) -> None:
    assert overlap(compile_pattern(one), compile_pattern(other)) is meet


globs = st.text(alphabet="ab*?", min_size=1, max_size=5)


@given(globs, globs, st.text(alphabet="ab", max_size=6))
def test_globs_that_share_a_name_are_said_to_meet(one: str, other: str, name: str) -> None:
    first, second = compile_pattern(one), compile_pattern(other)
    assert first.matches(name) == fnmatch.fnmatchcase(name, one)
    if first.matches(name) and second.matches(name):
        assert overlap(first, second)
    assert overlap(first, second) == overlap(second, first)


@given(globs, globs)
def test_globs_that_meet_share_a_name(one: str, other: str) -> None:
    first, second = compile_pattern(one), compile_pattern(other)
    if overlap(first, second):
        names = ("".join(letters) for size in range(11) for letters in _words(size))
        assert any(first.matches(name) and second.matches(name) for name in names)


def _words(size: int) -> list[tuple[str, ...]]:
    words: list[tuple[str, ...]] = [()]
    for _ in range(size):
        words = [(*word, letter) for word in words for letter in "ab"]
    return words
