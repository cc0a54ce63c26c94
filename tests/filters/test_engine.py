"""The engine as the scanning room calls it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.engine import MODELS, Engine, _version
from filters.findings import OperatingPoint, Slot, SlotKind
from tests.filters.shared_engine import engine, found

PROMPT = (
    "Beste, mevrouw Fatima Van den Broeck (rijksregisternummer 85.07.30-000.61) woont in de Kerkstraat 12 bus 3, "
    "9000 Gent. Haar rekening is BE68 5390 0754 7034, haar gsm 0478 12 34 56."
)


@pytest.mark.parametrize("point", OperatingPoint)
def test_finds_everything_in_a_municipal_prompt(point: OperatingPoint) -> None:
    assert found(PROMPT, point=point) == [
        ("PERSON", "Fatima Van den Broeck"),
        ("BE_NATIONAL_NUMBER", "85.07.30-000.61"),
        ("STREET_ADDRESS", "Kerkstraat 12 bus 3, 9000 Gent"),
        ("IBAN_CODE", "BE68 5390 0754 7034"),
        ("PHONE_NUMBER", "0478 12 34 56"),
    ]


def test_offsets_are_those_of_the_text_as_it_came() -> None:
    text = "nr 8\u200b5.07.30\u2011000.61 van Andre\u0301 Peeters"
    assert ("BE_NATIONAL_NUMBER", "8\u200b5.07.30\u2011000.61") in found(text)
    assert ("PERSON", "Andre\u0301 Peeters") in found(text)


def test_findings_come_by_slot_and_start() -> None:
    slots = [Slot(("a",), "tel 0478 12 34 56, jan@example.org"), Slot(("b",), "999990019", SlotKind.ATOM)]
    results = engine().inspect(slots, OperatingPoint.PRECISE)
    assert [(f.slot, f.entity_type) for f in results] == [
        (0, "PHONE_NUMBER"),
        (0, "EMAIL_ADDRESS"),
        (1, "NL_BSN"),
    ]


def test_an_atom_is_no_sentence() -> None:
    assert found("Jan Peeters", kind=SlotKind.ATOM) == []
    assert found("wachtwoord: Zomer2026!", kind=SlotKind.ATOM) == [("PASSWORD", "Zomer2026!")]


BORDERS = [
    ("mijn nummer is 85.07.30-", "000.61, dank u", "BE_NATIONAL_NUMBER", "85.07.30-", "000.61"),
    ("85073", "000061", "BE_NATIONAL_NUMBER", "85073", "000061"),
    ("rekening BE68 5390", " 0754 7034 graag", "IBAN_CODE", "BE68 5390", " 0754 7034"),
    ("mail jan.peeters@", "example.org", "EMAIL_ADDRESS", "jan.peeters@", "example.org"),
    ("x" * 100 + " 4111 1111 ", "1111 1111", "CREDIT_CARD", "4111 1111 ", "1111 1111"),
]


@pytest.mark.parametrize(("before", "after", "kind", "left", "right"), BORDERS)
def test_a_value_across_a_border_is_cut_in_two(before: str, after: str, kind: str, left: str, right: str) -> None:
    lefts, rights = engine().inspect_border(before, after)
    assert [(f.entity_type, before[f.start : f.end]) for f in lefts] == [(kind, left)]
    assert [(f.entity_type, after[f.start : f.end]) for f in rights] == [(kind, right)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("85.07.30-000.61", "dank u"),
        ("dank u", "85.07.30-000.61"),
        ("bel 0478 12 34 56", "7 of 8 keer"),
        ("ik ben jan", "jan@example.org"),
        ("mijn naam is Jan", " Peeters"),
        ("BSN 99999", "0018"),
        ("", "85.07.30-000.61"),
    ],
)
def test_only_what_crosses_the_border_counts(before: str, after: str) -> None:
    assert engine().inspect_border(before, after) == ([], [])


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.characters(codec=None), max_size=60),
    st.sampled_from(SlotKind),
    st.sampled_from(OperatingPoint),
)
def test_no_text_makes_it_raise(text: str, kind: SlotKind, point: OperatingPoint) -> None:
    for finding in engine().inspect_text(text, kind, point):
        assert 0 <= finding.start < finding.end <= len(text)
    engine().inspect_border(text, text)


HOSTILE = [
    "1 ",
    "0.",
    "+++",
    "a.b@",
    "Van De ",
    "De Jan ",
    "(((((",
    "A" * 7 + "-",
    "wachtwoord ",
    "://x:y@",
    "BE68 ",
    "\u200b1",
    "e\u0301",
    "12/12/",
    "Kerkstraat 1, ",
    "TLP:",
    "a" * 50,
    "-----BEGIN PRIVATE KEY-----",
]


def seconds(text: str, point: OperatingPoint) -> float:
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        engine().inspect_text(text, SlotKind.TEXT, point)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length_and_not_faster(piece: str) -> None:
    """Four times the text, at most eight times the time: quadratic would be sixteen."""
    short = (piece * 4000)[:4000]
    long = (piece * 16000)[:16000]
    engine().inspect_text(short, SlotKind.TEXT, OperatingPoint.THOROUGH)
    for _ in range(4):  # a machine that does other work may disturb one measurement, not four
        if seconds(long, OperatingPoint.THOROUGH) < 8 * seconds(short, OperatingPoint.THOROUGH) + 0.01:
            return
    pytest.fail("the time grows faster than the text")


def test_one_finding_set_whatever_was_scanned_before() -> None:
    first = engine().inspect_text(PROMPT, SlotKind.TEXT, OperatingPoint.THOROUGH)
    engine().inspect_text("Jan Janssens en Piet Pieters", SlotKind.TEXT, OperatingPoint.THOROUGH)
    assert engine().inspect_text(PROMPT, SlotKind.TEXT, OperatingPoint.THOROUGH) == first


def test_the_version_follows_the_lists(tmp_path: Path) -> None:
    for name in ("nl", "multi"):
        (tmp_path / name).symlink_to(MODELS / name)
    lists = tmp_path / "gazetteer.json.gz"
    lists.write_bytes((MODELS / "gazetteer.json.gz").read_bytes())
    before = _version(tmp_path)
    assert before == _version(tmp_path)
    lists.write_bytes(b"other")
    assert _version(tmp_path) != before


def test_missing_models_are_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gazetteer"):
        Engine(models=tmp_path)


def test_importing_the_engine_loads_no_model_library() -> None:
    code = "import sys, filters.engine; print(sorted({'spacy', 'presidio_analyzer', 'numpy'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_nothing_reaches_for_the_network() -> None:
    """Building the engine and finding an address, with every connection refused."""
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('a connection was tried')\n"
        "socket.socket.connect = refuse\nsocket.getaddrinfo = refuse\n"
        "from filters.engine import Engine\nfrom filters.findings import *\n"
        "print(len(Engine().inspect_text('jan@example.org +32 478 12 34 56', SlotKind.TEXT, OperatingPoint.THOROUGH)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "2"


def test_no_word_of_a_text_stays_in_the_models() -> None:
    word = "Zwelgenaartsveldekens"
    assert found(f"Mijn naam is {word} Peeters, uit {word}.", point=OperatingPoint.THOROUGH)
    pipelines = engine()._personal._analyzer._pipelines
    assert all(word not in pipeline.vocab.strings for pipeline in pipelines)
