"""Keys and passwords: each kind found, prose about them left."""

import pytest

from filters.detectors.secrets import SecretsFilter
from filters.findings import OperatingPoint, Slot

A = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv"  # thirty-two characters of no meaning
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq83vEiM0\n-----END RSA PRIVATE KEY-----"

FOUND = [
    ("PRIVATE_KEY", f"zie {PEM} dank", PEM),
    ("PRIVATE_KEY", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA", None),
    ("SECRET", f"token eyJ{A}.eyJ{A}.{A}", f"eyJ{A}.eyJ{A}.{A}"),
    ("SECRET", f"sluis_{A}", None),
    ("SECRET", "AKIAIOSFODNN7EXAMPLE", None),
    ("SECRET", f"ghp_{A}{A[:6]}", None),
    ("SECRET", f"github_pat_{A}", None),
    ("SECRET", f"glpat-{A[:20]}", None),
    ("SECRET", f"xoxb-123456789012-{A}", None),
    ("SECRET", f"sk-proj-{A}", None),
    ("SECRET", f"sk-ant-api03-{A}", None),
    ("SECRET", f"AIza{A}123", None),
    ("SECRET", f"hf_{A}", None),
    ("SECRET", f"DefaultEndpointsProtocol=https;AccountKey={A}{A}==", f"AccountKey={A}{A}=="),
    ("SECRET", f"Authorization: Bearer {A}", A),
    ("SECRET", f'"api_key": "{A}"', A),
    ("SECRET", f"de geheime sleutel is {A}", A),
    ("CONNECTION_STRING", "postgresql://beheer:Zomer26@db.example.org:5432/burgers", None),
    ("CONNECTION_STRING", "Server=db.example.org;Database=x;User Id=y;Password=Zomer26", None),
    ("PASSWORD", "wachtwoord: Zomer2026!", "Zomer2026!"),
    ("PASSWORD", "Het wachtwoord voor wifi is Welkom#1.", "Welkom#1"),
    ("PASSWORD", "mot de passe : Ete2026!", "Ete2026!"),
    ("PASSWORD", "Passwort = Sommer2026", "Sommer2026"),
    ("PASSWORD", "password=hunter42", "hunter42"),
    ("PASSWORD", '{"password": "geheim123"}', "geheim123"),
    ("PASSWORD", "pincode 4 cijfers, pincode: 4821", "4821"),
]
LEFT = [
    "Ik ben mijn wachtwoord vergeten, hoe stel ik het opnieuw in?",
    "Het wachtwoord is verlopen.",
    "Uw wachtwoord: minstens twaalf tekens.",
    "Le mot de passe est requis.",
    "Das Passwort ist vergessen worden.",
    "wachtwoord: ********",
    "Een API key is nodig voor de koppeling.",
    "De sleutel van het gemeentehuis ligt bij de balie.",
    "Zie https://www.example.org/pad?x=1 en mail naar info@example.org.",
    "BEGIN CERTIFICATE is geen sleutel",
    "sk-korte",
]


def found(text: str) -> list[tuple[str, str]]:
    results = SecretsFilter().inspect([Slot((), text)], OperatingPoint.PRECISE)
    return [(f.entity_type, text[f.start : f.end]) for f in results]


@pytest.mark.parametrize(("kind", "text", "secret"), FOUND)
def test_finds(kind: str, text: str, secret: str | None) -> None:
    assert (kind, secret or text) in found(text)


@pytest.mark.parametrize("text", LEFT)
def test_leaves_prose(text: str) -> None:
    assert found(text) == []
