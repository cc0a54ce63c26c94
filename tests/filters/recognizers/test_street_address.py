"""Addresses in four languages are found whole; what only looks like one is left."""

import pytest

from tests.filters.shared_engine import found

ADDRESSES = [
    "Kerkstraat 12, 9000 Gent",
    "kerkstraat 12, 9000 gent",
    "KERKSTRAAT 12, 9000 GENT",
    "Kerkstraat 12 bus 0301",
    "Kerkstraat 12/3",
    "Kerkstraat nr. 12 te Gent",
    "9000 Gent, Kerkstraat 12",
    "Sint-Pietersnieuwstraat 41",
    "Koning Albert I-laan 77",
    "Onze-Lieve-Vrouwestraat 5",
    "Grote Markt 1, 2000 Antwerpen",
    "Dorp 5, 9100 Nieuwkerken",
    "Steenweg op Gent 5",
    "Heirbaan 12A bus 2\n2640 Mortsel",
    "Wetstraat 16, B-1040 Brussel",
    "Lange Voorhout 8, 2514 ED Den Haag",
    "Prinsengracht 263-267",
    "Rue Neuve 5, 1000 Bruxelles",
    "5 place Saint-Lambert, 4000 Liège",
    "chaussée de Louvain 12 bte 3",
    "Bahnhofstr. 12, 4780 St. Vith",
    "Unter den Linden 5, 10117 Berlin",
    "Am Bach 12",
    "10 Downing Street, London SW1A 2AA",
]
LEFT = [
    "De Kerkstraat wordt heraangelegd.",
    "Im Juni 2003 begann der Bau.",
    "Im Jahr 2000 wurde das Rathaus renoviert.",
    "De weg is 12 km lang.",
    "Artikel 12 van het reglement.",
    "De vergadering in Gent duurde 12 uur.",
    "Finden Sie 310000 Euro viel?",
    "Cel B12 van het rekenblad.",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_found_whole(address: str) -> None:
    text = f"Graag nakijken: {address}; dank u."
    covered = {text[start:end] for start, end in _addresses(text)}
    assert covered == {address}


@pytest.mark.parametrize("text", LEFT)
def test_a_look_alike_is_left(text: str) -> None:
    assert [value for kind, value in found(text) if kind in ("STREET_ADDRESS", "NL_POSTCODE")] == []


def _addresses(text: str) -> list[tuple[int, int]]:
    """Spans of address findings; touching ones (street, Dutch postcode) as one."""
    joined: list[tuple[int, int]] = []
    position = 0
    for kind, value in found(text):
        start = text.index(value, position)
        position = start + len(value)
        if kind not in ("STREET_ADDRESS", "NL_POSTCODE"):
            continue
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], position)
        else:
            joined.append((start, position))
    return joined
