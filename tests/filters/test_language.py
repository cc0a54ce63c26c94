"""Languages per segment, without gaps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.language import _LONGEST, LanguageGuesser

GUESSER = LanguageGuesser()
SENTENCES = {
    "nl": "Kan je een vriendelijke brief schrijven aan de bewoners van de straat over de werken?",
    "fr": "Pouvez-vous écrire une lettre aux habitants de la rue au sujet des travaux de voirie ?",
    "de": "Können Sie bitte einen Brief an die Bewohner der Straße über die Bauarbeiten schreiben?",
    "en": "Could you please write a letter to the people who live in the street about the works?",
}


@pytest.mark.parametrize(("language", "sentence"), SENTENCES.items())
def test_tells_the_four_apart(language: str, sentence: str) -> None:
    assert GUESSER.of(sentence) == language


def test_a_long_text_is_told_apart_by_parts() -> None:
    text = "\n".join((SENTENCES["nl"] + " ") * 4 + "\n" + (SENTENCES["fr"] + " ") * 4 for _ in range(2))
    assert [segment.language for segment in GUESSER.segments(text)] == ["nl", "fr", "nl", "fr"]


def test_numbers_are_dutch_for_want_of_better() -> None:
    assert GUESSER.of("12 34") == "nl"


@settings(max_examples=50)
@given(st.text(alphabet="ab .\n?é", max_size=6000))
def test_segments_cover_the_text_without_gaps(text: str) -> None:
    segments = GUESSER.segments(text)
    assert "".join(text[segment.start : segment.end] for segment in segments) == text
    assert all(0 < segment.end - segment.start <= _LONGEST for segment in segments)
