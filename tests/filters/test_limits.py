"""What the filters do not find.

docs/limits.md names these tests: when one turns red, a limit is gone, and its line there goes too.
"""

import pytest

from filters.findings import OperatingPoint
from tests.filters.shared_engine import found

NOT_FOUND = {
    "a number written in words": "Het rijksregisternummer is vijfentachtig nul zeven dertig nul nul nul eenenzestig.",
    "a number with mark-up inside": "Dossier <b>85.07.30</b>-000.61 is gesloten.",
    "a person by description": "De vrouw van de burgemeester is al weken ziek thuis.",
    "a foreign name in lower case": "zhu wei heeft gebeld over haar dossier",
    "a password without a word for password": "Gebruik Zomer2026!x8 om binnen te komen.",
    "undecided policy": "We verhogen de parkeertarieven vanaf januari; dit is nog niet beslist.",
}


@pytest.mark.parametrize("text", NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_not_found(text: str) -> None:
    for point in OperatingPoint:
        assert found(text, point=point) == []


def test_a_number_over_three_messages_with_text_between_is_not_joined() -> None:
    """The border window sees neighbours only; here every message is a text of its own."""
    for piece in ("het begint met 85.07", "daarna 30-0", "en het eindigt op 00.61"):
        assert found(piece, point=OperatingPoint.THOROUGH) == []
