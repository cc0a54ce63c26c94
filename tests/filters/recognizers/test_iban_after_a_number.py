"""A word that could begin an IBAN must not swallow the real one behind it."""

import pytest

from filters.recognizers.iban_code import IbanCode


@pytest.mark.parametrize(
    "before",
    ["nummer is 85.07.30-000.61 en haar rekening is ", "op 12 34 56 78 90 12 en ", "BE68 ", "BE 12 34 56 78 ", ""],
)
def test_the_iban_behind_is_found(before: str) -> None:
    text = before + "BE68 5390 0754 7034."
    assert [text[a:b] for a, b, _ in IbanCode().candidates(text)] == ["BE68 5390 0754 7034"]
