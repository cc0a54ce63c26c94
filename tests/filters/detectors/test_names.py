"""Names at the two operating points."""

import pytest

from filters.findings import OperatingPoint
from tests.filters.shared_engine import found

PRECISE = [
    ("Mijn naam is Jan Peeters.", "Jan Peeters"),
    ("Beste mevrouw Fatima Van den Broeck,", "Fatima Van den Broeck"),
    ("Dhr. Piotr Kowalczyk belde.", "Piotr Kowalczyk"),
    ("kan je jan peeters terugbellen?", "jan peeters"),
    ("betreft: DE SMET KAREL", "DE SMET KAREL"),
    ("Cordialement, Benoît Servais", "Benoît Servais"),
    ("Mein Name ist Katharina Lenz.", "Katharina Lenz"),
    ("My name is Daniel O'Connor.", "Daniel O'Connor"),
    ("Gisteren kwam Sofie Claeys langs.", "Sofie Claeys"),
]
THOROUGH = [
    ("Marijke van de balie heeft het gevraagd.", "Marijke"),
    ("Vraag het aan Xhulianova van de dienst.", "Xhulianova"),
    ("Gisteren belde De Jong nog eens.", "De Jong"),
    ("Mevrouw Zwelgenaart kwam. Daarna ging zwelgenaart weg.", "zwelgenaart"),
]
CLEAN = [
    "De Kerkstraat wordt volgend jaar heraangelegd.",
    "Hoe schrijf ik een duidelijke brief over de afvalkalender?",
    "De vergadering is op dinsdag 3 maart in het stadhuis.",
    "La bibliothèque est ouverte du lundi au samedi.",
    "Die Kosten für die Kinder werden in jedem Fall erstattet.",
    "The council will meet in May to mark the bill.",
]


def persons(text: str, point: OperatingPoint) -> list[str]:
    return [value for kind, value in found(text, point=point) if kind == "PERSON"]


@pytest.mark.parametrize("point", OperatingPoint)
@pytest.mark.parametrize(("text", "name"), PRECISE)
def test_finds_at_both_points(text: str, name: str, point: OperatingPoint) -> None:
    assert name in persons(text, point)


@pytest.mark.parametrize(("text", "name"), THOROUGH)
def test_looks_further_when_thorough(text: str, name: str) -> None:
    assert name in persons(text, OperatingPoint.THOROUGH)


@pytest.mark.parametrize("point", OperatingPoint)
@pytest.mark.parametrize("text", CLEAN)
def test_leaves_clean_texts(text: str, point: OperatingPoint) -> None:
    assert persons(text, point) == []


@pytest.mark.parametrize(("text", "name"), [*PRECISE, *THOROUGH])
def test_thorough_covers_all_that_precise_covers(text: str, name: str) -> None:
    del name
    thorough = " ".join(persons(text, OperatingPoint.THOROUGH))
    assert all(value in thorough for value in persons(text, OperatingPoint.PRECISE))
