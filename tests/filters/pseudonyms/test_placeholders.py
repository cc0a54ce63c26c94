"""Placeholders are stable, far apart, and never what a user typed."""

import json
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.pseudonyms import Placeholders
from filters.pseudonyms import placeholders as module
from filters.pseudonyms.shape import ALPHABET, BITS, FIRST, HINTS, OTHER_HINT, RANDOM_LENGTH, lookalikes, neighbourhood

KEY = bytes(range(32))
SCOPE = "u-17|mistral|2026-11-21"


def one(value: str, entity: str = "PERSON", *, key: bytes = KEY, scope: str = SCOPE) -> str:
    return Placeholders(key, scope).substitute(value, [(0, len(value), entity)])


def many(count: int, entity: str = "PERSON") -> list[str]:
    placeholders = Placeholders(KEY, SCOPE)
    return [placeholders.substitute(v, [(0, len(v), entity)]) for v in (f"Naam {i}" for i in range(count))]


def distance(a: str, b: str) -> int:
    """Levenshtein, as the textbook has it."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def test_spans_are_replaced_and_nothing_else() -> None:
    text = "Beste Jan Peeters, mail naar jan@example.org. Groeten, Jan Peeters"
    spans = [(6, 17, "PERSON"), (29, 44, "EMAIL_ADDRESS"), (55, 66, "PERSON")]
    placeholders = Placeholders(KEY, SCOPE)
    out = placeholders.substitute(text, spans)
    person, mail = one("Jan Peeters"), one("jan@example.org", "EMAIL_ADDRESS")
    assert out == f"Beste {person}, mail naar {mail}. Groeten, {person}"
    assert len(placeholders) == 2
    assert placeholders.restore(out) == text


def test_the_same_spelling_is_the_same_placeholder_in_every_turn_and_process() -> None:
    assert one("Jan Peeters") == one("Jan Peeters")
    earlier = Placeholders(KEY, SCOPE)
    first = earlier.substitute("Jan Peeters", [(0, 11, "PERSON")])
    later = Placeholders(KEY, SCOPE)
    later.substitute("Els", [(0, 3, "PERSON")])
    assert later.substitute("Jan Peeters", [(0, 11, "PERSON")]) == first


@pytest.mark.parametrize(
    "other",
    [
        one("Jan Peeters", scope="u-18|mistral|2026-11-21"),
        one("Jan Peeters", scope="u-17|azure|2026-11-21"),
        one("Jan Peeters", scope="u-17|mistral|2026-11-22"),
        one("Jan Peeters", key=bytes(32)),
        one("Jan peeters"),
        one("JAN PEETERS"),
        one("Jan Peeters", "LOCATION"),
    ],
    ids=["person", "tool", "day", "key", "spelling", "case", "type"],
)
def test_another_person_tool_day_key_spelling_or_type_gives_an_unrelated_placeholder(other: str) -> None:
    assert distance(other[:RANDOM_LENGTH], one("Jan Peeters")[:RANDOM_LENGTH]) >= 3


def test_scope_and_type_cannot_be_shifted_into_the_value() -> None:
    assert one("1:x", "A")[:RANDOM_LENGTH] != one("x", "A:0:1")[:RANDOM_LENGTH]


def test_a_placeholder_is_plain_letters_and_digits_with_a_hint_for_the_model() -> None:
    for entity in ["PERSON", "IBAN_CODE", "SOMETHING_NEW"]:
        out = one("waarde", entity)
        assert out[0] in FIRST
        assert set(out[1:RANDOM_LENGTH]) <= set(ALPHABET)
        assert out[RANDOM_LENGTH:] == HINTS.get(entity, OTHER_HINT)
        assert json.loads(json.dumps(out)) == out
        assert out.isascii()
        assert out.isalnum()


def test_the_random_part_has_at_least_forty_bits() -> None:
    assert BITS >= 40
    assert len(set(FIRST)) == 8
    assert len(set(ALPHABET)) == 16


def test_no_characters_that_are_confused() -> None:
    for confused in ["0OoDQ", "1IlL", "2Z", "5S", "6G", "8B", "UV"]:
        assert len(set(confused) & set(ALPHABET)) == 0, confused
    assert not set(FIRST) & set("0123456789abcdefABCDEF"), "a placeholder would hide in a JSON escape"


@pytest.mark.parametrize("hint", sorted({*HINTS.values(), OTHER_HINT}))
def test_hints_are_short_lower_case_words(hint: str) -> None:
    assert hint.isascii()
    assert hint.islower()
    assert hint.isalpha()
    assert len(hint) <= 16


def test_a_hundred_placeholders_are_three_edits_apart() -> None:
    assert min(distance(a, b) for a, b in combinations(many(100), 2)) >= 3


def test_no_placeholder_begins_like_another() -> None:
    issued = sorted(many(3000))
    assert not any(b.startswith(a) for a, b in pairwise(issued))
    assert len({p[:6] for p in issued}) == len(issued)


@given(st.text(FIRST + ALPHABET, min_size=RANDOM_LENGTH, max_size=RANDOM_LENGTH), st.data())
def test_one_or_two_edits_share_a_neighbour(random: str, data: st.DataObject) -> None:
    letters = list(random)
    if data.draw(st.booleans(), label="swap two characters, or move one"):
        for _ in range(2):
            letters[data.draw(st.integers(0, RANDOM_LENGTH - 1))] = data.draw(st.sampled_from(ALPHABET))
    else:
        letters.pop(data.draw(st.integers(0, RANDOM_LENGTH - 1)))
        letters.insert(data.draw(st.integers(0, RANDOM_LENGTH - 1)), data.draw(st.sampled_from(ALPHABET)))
    assert distance(random, "".join(letters)) <= 2
    assert set(neighbourhood(random)) & set(neighbourhood("".join(letters)))


def test_a_conflict_takes_the_next_candidate_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    script = {
        ("a", 0): "HCCCCCCCCCC",
        ("b", 0): "HCCCCCCCCCC",  # taken
        ("b", 1): "HCCCCCCCC34",  # two edits from the first
        ("b", 2): "JCCCCCCCCCC",  # one edit from the first
        ("b", 3): "HCCCCCW3479",  # far enough, but begins like the first
        ("b", 4): "J3333333333",
        ("c", 0): "KMMMMMMMMMM",  # in the user's text
        ("c", 1): "XMMMMMMMM34",
    }
    monkeypatch.setattr(module, "random_part", lambda _key, _type, value, attempt: script[value, attempt])
    for _ in range(2):
        placeholders = Placeholders(KEY, SCOPE, taken="KMMMMMMMMMMMM")
        out = [placeholders.substitute(value, [(0, 1, "PERSON")]) for value in "abca"]
        assert out == ["HCCCCCCCCCCperson", "J3333333333person", "XMMMMMMMM34person", "HCCCCCCCCCCperson"]


def test_what_the_user_typed_is_not_a_placeholder() -> None:
    typed = one("Jan Peeters")
    text = f"Jan Peeters heet daar {typed}"
    placeholders = Placeholders(KEY, SCOPE)
    placeholders.reserve(["iets anders", text])
    out = placeholders.substitute(text, [(0, 11, "PERSON")])
    assert not out.startswith(typed)
    assert placeholders.restore(out) == text
    assert placeholders.restore(typed) == typed


def test_typed_text_counts_wherever_it_begins() -> None:
    typed = one("Jan Peeters")
    assert typed[:RANDOM_LENGTH] in lookalikes("XXWH" + typed.upper() + "9" + typed[:RANDOM_LENGTH])
    assert lookalikes(typed[: RANDOM_LENGTH - 1]) == set()
    assert one("Jan Peeters") != Placeholders(KEY, SCOPE, taken="XX" + typed).substitute(
        "Jan Peeters",
        [(0, 11, "PERSON")],
    )


def test_a_text_that_comes_too_late_is_refused() -> None:
    placeholders = Placeholders(KEY, SCOPE)
    issued = placeholders.substitute("Els", [(0, 3, "PERSON")])
    with pytest.raises(ValueError, match="reserve every text"):
        placeholders.substitute(f"over {issued}", [])
    with pytest.raises(ValueError, match="reserve every text"):
        placeholders.reserve([f"over {issued}"])


@pytest.mark.parametrize(
    "spans",
    [
        [(3, 2, "X")],
        [(2, 2, "X")],
        [(0, 9, "X")],
        [(-1, 2, "X")],
        [(0, 3, "X"), (2, 4, "X")],
        [(2, 3, "X"), (0, 1, "X")],
    ],
)
def test_spans_that_make_no_sense_are_refused_without_text(spans: list[tuple[int, int, str]]) -> None:
    with pytest.raises(ValueError, match="spans must be sorted") as caught:
        Placeholders(KEY, SCOPE).substitute("geheim", spans)
    assert "geheim" not in str(caught.value)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="key too short"):
        Placeholders(b"kort", SCOPE)


def test_repr_prints_counts_only() -> None:
    placeholders = Placeholders(KEY, SCOPE, taken=one("Els"))
    issued = placeholders.substitute("Jan Peeters", [(0, 11, "PERSON")])
    restorer = placeholders.restorer()
    restorer.feed(f"Dag {issued}")
    assert repr(placeholders) == "Placeholders(issued=1, reserved=1)"
    assert repr(restorer) == "StreamRestorer(held=17, restored=0, kept=0)"


def test_a_lone_surrogate_is_a_value_like_any_other() -> None:
    placeholders = Placeholders(KEY, SCOPE)
    issued = placeholders.substitute("\ud800", [(0, 1, "PERSON")])
    assert placeholders.restore(issued) == "\ud800"
    assert placeholders.restore(f'{{"a":"{issued}"}}', json_string=True) == '{"a":"\\ud800"}'
