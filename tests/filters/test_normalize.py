"""What hides a value goes; every character still knows where it stood."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.normalize import line_starts, normalize

CASES = [
    ("85.07.30-000.61", "85.07.30-000.61"),
    ("8\u200b5.07\u00ad.30-000.61", "85.07.30-000.61"),
    ("\ufeff85 07\u00a030\u202f000\u200961", "85 07 30 000 61"),
    ("８５.０７.３０-０００.６１", "85.07.30-000.61"),
    ("٨٥.٠٧.٣٠-٠٠٠.٦١", "85.07.30-000.61"),
    ("85.07.30\u2011000.61", "85.07.30-000.61"),
    ("ＢＥ６８", "BE68"),
    ("Jаn Pееtеrs", "Jan Peeters"),  # Cyrillic а and е
    ("Москва", "Москва"),  # all Cyrillic: real Russian stays
    ("Andre\u0301 Lefe\u0300vre", "André Lefèvre"),
    ("𝟖𝟓", "85"),
    ("a\ud800b", "a\ufffdb"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_cleans(text: str, expected: str) -> None:
    assert normalize(text).text == expected


@given(st.text(alphabet=st.characters(codec=None), max_size=80))
def test_offsets_lead_back_in_order_and_within_the_text(text: str) -> None:
    clean = normalize(text)
    spans = [clean.span(position, position + 1) for position in range(len(clean.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    clean.text.encode()  # RE2 reads UTF-8: raises where a character is left that cannot be written in it


@given(st.text(alphabet="ab1 \u200b\u00ad\u0301\u00a0é", max_size=40), st.data())
def test_a_span_covers_exactly_what_it_was_made_of(text: str, data: st.DataObject) -> None:
    clean = normalize(text)
    start = data.draw(st.integers(0, len(clean.text)))
    end = data.draw(st.integers(start, len(clean.text)))
    if start < end:
        a, b = clean.span(start, end)
        assert normalize(text[a:b]).text == clean.text[start:end]


def test_repr_counts_and_shows_nothing() -> None:
    assert "secret" not in repr(normalize("secret\u200b"))


def test_line_starts() -> None:
    start_of = line_starts("ab\ncd\n\ne")
    assert [start_of(position) for position in (0, 1, 2, 3, 6, 7)] == [0, 0, 0, 3, 6, 7]
