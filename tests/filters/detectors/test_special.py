"""Terms of GDPR art. 9 and 10 count beside a person and never alone."""

import pytest

from filters.detectors.special import REACH
from tests.filters.shared_engine import found

BESIDE = [
    ("SPECIAL_HEALTH", "Mevrouw Fatima Benali heeft diabetes en vraagt een parkeerkaart."),
    ("SPECIAL_UNION", "Jan Peeters is afgevaardigde van de vakbond."),
    ("SPECIAL_CRIMINAL", "Dossier 85.07.30-000.61: strafblad opgevraagd."),
    ("SPECIAL_BELIEF", "Monsieur Karim Haddad est musulman."),
    ("SPECIAL_SEXUALITY", "Frau Anna Schneider ist lesbisch."),
]
ALONE = [
    "De griepprik en diabetes komen in de folder van de dienst.",
    "De vakbond kondigt een staking aan.",
    "Welke stappen volgen na een diefstal?",
    "De moskee vraagt een vergunning.",
]


@pytest.mark.parametrize(("kind", "text"), BESIDE)
def test_counts_beside_a_person(kind: str, text: str) -> None:
    assert kind in [entity for entity, _ in found(text)]


@pytest.mark.parametrize("text", ALONE)
def test_a_term_alone_is_no_finding(text: str) -> None:
    assert [entity for entity, _ in found(text) if entity.startswith("SPECIAL")] == []


def test_far_from_the_person_is_alone() -> None:
    text = (
        "Nummer 85.07.30-000.61." + " Dan volgt een lange uitleg." * (REACH // 20) + " Over diabetes in het algemeen."
    )
    assert [entity for entity, _ in found(text) if entity.startswith("SPECIAL")] == []
