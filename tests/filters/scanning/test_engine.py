"""The real engine behind the client: what the stand-in cannot show."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from filters.engine import Engine
from filters.findings import Finding, OperatingPoint, Slot
from filters.scanning import ScanClient
from filters.scanning.__main__ import DEFAULT_ENGINE
from filters.scanning.plan import PIECE
from tests.filters.scanning.conftest import Connect, Scanners, texts

THOROUGH = OperatingPoint.THOROUGH
LETTER = (
    "Geachte, mijn naam is Lieselot Vandervelde, ik woon in de Kerkstraat 12 te 3070 Kortenberg. "
    "Mijn rijksregisternummer is 85.07.30-000.61 en u bereikt mij op lieselot@example.org.\n\n"
)


@pytest.fixture
async def client(scanners: Scanners, connect: Connect) -> AsyncIterator[ScanClient]:
    path: Path = scanners.start("real", "--engine", DEFAULT_ENGINE)
    async with connect([path], timeout=60) as connected:
        yield connected


def places(f: Finding) -> tuple[object, ...]:
    """All but the origin: which of two recognizers with one score wins depends on the process's hash seed."""
    return f.slot, f.start, f.end, f.entity_type, f.category, f.score


async def test_the_client_finds_what_the_engine_finds_and_names_its_version(client: ScanClient) -> None:
    engine = Engine()
    slots = [Slot((), LETTER), Slot((), "niets bijzonders"), Slot((), "IBAN BE71 0961 2345 6769")]
    found = await client.scan(slots, THOROUGH)
    assert [places(f) for f in found] == [places(f) for f in engine.inspect(slots, THOROUGH)]
    assert client.version == engine.version


async def test_a_national_number_split_over_two_messages_is_found(client: ScanClient) -> None:
    found = await client.scan(texts("mijn rijksregisternummer is 85.07.30", "-000.61 dank u"), THOROUGH)
    assert [(f.slot, f.start, f.end) for f in found if f.entity_type == "BE_NATIONAL_NUMBER"] == [
        (0, 28, 36),
        (1, 0, 7),
    ]


async def test_a_long_text_gives_the_findings_of_its_parts_at_their_places(client: ScanClient) -> None:
    text = LETTER * (3 * PIECE // len(LETTER))
    found = await client.scan([Slot((), text)], THOROUGH)
    starts = [f.start for f in found if f.entity_type == "BE_NATIONAL_NUMBER"]
    first = LETTER.index("85.07.30")
    assert starts == [first + n * len(LETTER) for n in range(len(text) // len(LETTER))]
