"""Values in an encoding are covered whole."""

import base64

import pytest

from tests.filters.shared_engine import found

VALUE = "rijksregisternummer 85.07.30-000.61"
BASE64 = base64.b64encode(VALUE.encode()).decode()


@pytest.mark.parametrize(
    "run",
    [
        BASE64,
        BASE64.rstrip("="),
        base64.urlsafe_b64encode(("??>" + VALUE).encode()).decode(),
        "%38%35.07.30-000.61",
        "85&#46;07&#46;30-000.61",
        "\\u0038\\u0035.07.30-000.61",
        base64.b64encode(b"sleutel sk-ant-api03-Ab1Cd2Ef3Gh4Ij5Kl6").decode(),
    ],
)
def test_an_encoded_value_is_covered(run: str) -> None:
    assert [text for _, text in found(f"Zie {run} aub.")] == [run]


@pytest.mark.parametrize(
    "text",
    [
        "Zie " + base64.b64encode(b"een gewone zin zonder gegevens").decode(),
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "https://example.org/zoek?q=afval%20kalender",
        "Kosten &#8364; 12 en 50%25",
    ],
)
def test_an_encoding_of_nothing_is_left(text: str) -> None:
    assert found(text) == []
