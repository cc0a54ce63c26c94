"""Markings are found where they mark; the same words in prose are left."""

import pytest

from filters.detectors.confidential import ConfidentialFilter
from filters.findings import OperatingPoint, Slot

FOUND = [
    ("MARKING_CLASSIFIED", "ZEER GEHEIM\nNota aan de minister", "ZEER GEHEIM"),
    ("MARKING_CLASSIFIED", "Stg. GEHEIM", "Stg. GEHEIM"),
    ("MARKING_CLASSIFIED", "Dep. Vertrouwelijk\nVerslag", "Dep. Vertrouwelijk"),
    ("MARKING_CLASSIFIED", "Departementaal Vertrouwelijk", "Departementaal Vertrouwelijk"),
    ("MARKING_CLASSIFIED", "NATO SECRET", "NATO SECRET"),
    ("MARKING_CLASSIFIED", "het stuk COSMIC TOP SECRET", "COSMIC TOP SECRET"),
    ("MARKING_CLASSIFIED", "RESTREINT UE/EU RESTRICTED", "RESTREINT UE/EU RESTRICTED"),
    ("MARKING_CLASSIFIED", "BEPERKT/RESTREINT", "BEPERKT/RESTREINT"),
    ("MARKING_CLASSIFIED", "Classificatie: geheim", "geheim"),
    ("MARKING_TLP", "TLP:RED", "TLP:RED"),
    ("MARKING_TLP", "De dreiging (TLP:AMBER+STRICT) is hoog", "TLP:AMBER+STRICT"),
    ("MARKING_TLP", "TLP: amber", "TLP: amber"),
    ("MARKING_TLP_GREEN", "TLP:GREEN", "TLP:GREEN"),
    ("MARKING_TLP_CLEAR", "TLP:WHITE", "TLP:WHITE"),
    ("MARKING_INTERNAL", "VERTROUWELIJK\nVerslag van het college", "VERTROUWELIJK"),
    ("MARKING_INTERNAL", "Vertrouwelijk - verslag van het college", "Vertrouwelijk"),
    ("MARKING_INTERNAL", "Verslag van het college\n\nConfidentiel", "Confidentiel"),
    ("MARKING_INTERNAL", "Nota VERTROUWELIJK over de begroting", "VERTROUWELIJK"),
    ("MARKING_INTERNAL", "Beperkte verspreiding", "Beperkte verspreiding"),
    ("MARKING_INTERNAL", "ICR klasse 3", "ICR klasse 3"),
    ("MARKING_INTERNAL", "ALLEEN VOOR INTERN GEBRUIK", "ALLEEN VOOR INTERN GEBRUIK"),
]
LEFT = [
    "Het was een vertrouwelijk gesprek met de burger.",
    "Vertrouwelijk overleg hoort bij ons werk.",
    "We behandelen uw gegevens vertrouwelijk.",
    "Dat is geen geheim meer.",
    "Het beroepsgeheim en het geheim van de stemming.",
    "Une information confidentielle ? Le secret professionnel s'applique.",
    "Das ist vertraulich zu behandeln.",
    "Ze heeft beperkt toegang; de interne dienst weet dat.",
    "De NATO vergadert; het secretariaat is gesloten.",
    "geheim",
    "IK WIL WETEN OF MIJN DOSSIER VERTROUWELIJK WORDT BEHANDELD DOOR DE DIENST",
]


def found(text: str) -> list[tuple[str, str]]:
    results = ConfidentialFilter().inspect([Slot((), text)], OperatingPoint.PRECISE)
    return [(f.entity_type, text[f.start : f.end]) for f in results]


@pytest.mark.parametrize(("kind", "text", "marking"), FOUND)
def test_finds(kind: str, text: str, marking: str) -> None:
    assert (kind, marking) in found(text)


@pytest.mark.parametrize("text", LEFT)
def test_leaves_prose(text: str) -> None:
    assert found(text) == []
