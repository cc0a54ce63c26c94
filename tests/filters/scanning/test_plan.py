"""Pieces, borders and the memory, without processes: what is remembered equals what a scan from nothing finds."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.findings import Finding, OperatingPoint, Slot, SlotKind
from filters.scanning.frames import BORDER
from filters.scanning.memory import Keys, Memory, Recollection
from filters.scanning.plan import CHAIN, PIECE, WINDOW, Plan, Planner, pieces
from tests.filters.scanning.stand_in import Engine

PRECISE = OperatingPoint.PRECISE
ENGINE = Engine()
NUMBER = "85.07.30-000.61"

WORDS = st.sampled_from(
    ["", " ", "a", "85.07", ".30-", "000", ".61", NUMBER, " jan@example.org ", "x" * 70, "12", "\n"]
)
SLOTS = st.lists(
    st.builds(
        Slot,
        path=st.just(()),
        text=st.lists(WORDS, max_size=4).map("".join),
        kind=st.sampled_from(SlotKind),
        turn=st.integers(-1, 3),
    ),
    max_size=8,
)


def scan(slots: list[Slot], memory: Memory, keys: Keys, point: OperatingPoint = PRECISE) -> tuple[list[Finding], int]:
    """What the client does, with the engine in this process; and how many items were inspected."""
    recollection = Recollection(memory)

    def plan() -> Plan:
        return Planner(keys, ("v", "e"), point, recollection).plan(slots)

    missing = plan().missing
    for key, item in missing.items():
        if item.kind == BORDER:
            left, right = ENGINE.inspect_border(item.text, item.after)
            right = [Finding(1, f.start, f.end, f.entity_type, f.category, f.score, f.origin) for f in right]
            recollection.learn(key, tuple(left + right))
        else:
            recollection.learn(key, tuple(ENGINE.inspect_text(item.text, SlotKind(item.kind), point)))
    done = plan()
    assert not done.missing
    return done.findings(), len(missing)


@settings(max_examples=200, deadline=None)
@given(requests=st.lists(st.tuples(SLOTS, st.sampled_from(OperatingPoint)), min_size=2, max_size=5),
       limit=st.sampled_from([0, 1000, 10**6]))  # fmt: skip
def test_with_memory_or_without_the_findings_are_the_same(
    requests: list[tuple[list[Slot], OperatingPoint]], limit: int
) -> None:
    memory, keys = Memory(limit), Keys()
    for slots, point in requests:
        found, _ = scan(slots, memory, keys, point)
        assert found == scan(slots, Memory(10**6), Keys(), point)[0]
        assert memory.bytes <= limit


@settings(max_examples=200, deadline=None)
@given(slots=SLOTS)
def test_findings_are_ordered_whole_and_inside_their_slots(slots: list[Slot]) -> None:
    found, _ = scan(slots, Memory(10**6), Keys())
    for f in found:
        assert 0 <= f.start < f.end <= len(slots[f.slot].text)
    for one, two in pairwise(found):
        assert (one.slot, one.end) <= (two.slot, two.start) if one.slot == two.slot else one.slot < two.slot
    covered = {(f.slot, at) for f in found for at in range(f.start, f.end)}
    for index, slot in enumerate(slots):  # nothing that the engine finds in one text gets lost
        for f in ENGINE.inspect_text(slot.text, slot.kind, PRECISE):
            assert covered >= {(index, at) for at in range(f.start, f.end)}


@settings(max_examples=200, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(NUMBER)), max_size=CHAIN).map(sorted),
    before=st.sampled_from(["", "nummer ", "x" * 80 + " "]),
    after=st.sampled_from(["", " dank u", " " + "y" * 80]),
)
def test_a_number_cut_anywhere_into_up_to_five_messages_is_found_whole(
    cuts: list[int], before: str, after: str
) -> None:
    bounds = [0, *cuts, len(NUMBER)]
    parts = [NUMBER[a:b] for a, b in pairwise(bounds)]
    parts[0] = before + parts[0]
    parts[-1] += after
    slots = [Slot((), part, turn=n) for n, part in enumerate(parts)]
    found, _ = scan(slots, Memory(10**6), Keys())
    assert "".join(slots[f.slot].text[f.start : f.end] for f in found) == NUMBER


def test_a_message_before_the_value_does_not_hide_it() -> None:
    slots = [Slot((), text, turn=n) for n, text in enumerate(["nummer", "85.07.30", "-000.61"])]
    found, _ = scan(slots, Memory(10**6), Keys())
    assert [(f.slot, f.start, f.end) for f in found] == [(1, 0, 8), (2, 0, 7)]


def test_one_new_message_costs_itself_and_its_borders() -> None:
    memory, keys = Memory(10**6), Keys()
    history = [Slot((), f"{'bericht ' * 20}{n}", turn=n) for n in range(20)]
    assert scan(history, memory, keys)[1] == 20 + 19
    assert scan(history, memory, keys)[1] == 0
    assert scan([*history, Slot((), "nieuw", turn=20)], memory, keys)[1] == 2


@settings(max_examples=100, deadline=None)
@given(text=st.lists(st.sampled_from(["a" * 5000, " ", "\n", "\n\n", "b" * 17_000, "c d " * 900]), max_size=20))
def test_pieces_are_the_whole_text_in_order(text: list[str]) -> None:
    whole = "".join(text)
    cut = list(pieces(whole))
    assert "".join(piece for _, piece in cut) == whole
    assert [offset for offset, _ in cut] == [sum(len(p) for _, p in cut[:n]) for n in range(len(cut))]
    assert all(len(piece) <= PIECE for _, piece in cut)


def test_pieces_end_where_the_text_pauses() -> None:
    text = ("woord " * 600 + "\n") * 10
    assert all(piece.endswith("\n") for _, piece in pieces(text))
    assert all(piece.endswith(" ") for _, piece in list(pieces("woord " * 9000))[:-1])


@settings(max_examples=50, deadline=None)
@given(at=st.integers(-len(NUMBER) - 5, 5), turn=st.sampled_from([-1, 0]))
def test_a_value_on_a_cut_is_found_wherever_it_lies(at: int, turn: int) -> None:
    slots = [Slot((), "x" * (PIECE + at) + NUMBER + "x" * PIECE, turn=turn)]
    (found,), _ = scan(slots, Memory(10**6), Keys())
    assert slots[0].text[found.start : found.end] == NUMBER


def test_keys_tell_contexts_apart_that_look_alike_when_joined() -> None:
    keys = Keys()
    contexts = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), ("abc",)]
    assert len({keys.base(*context).digest() for context in contexts}) == len(contexts)
    assert Keys().base("a").digest() != keys.base("a").digest()  # another process, another key


def test_memory_forgets_what_was_not_used_for_longest() -> None:
    memory = Memory(3 * 260)
    for key in (b"a", b"b", b"c"):
        memory.put(key, ())
    memory.get(b"a")
    memory.put(b"d", ())
    assert [key for key in (b"a", b"b", b"c", b"d") if memory.get(key) is not None] == [b"a", b"c", b"d"]


def test_the_window_is_what_the_docs_say() -> None:
    slots = [Slot((), "a" * 500, turn=0), Slot((), "b" * 500, turn=1)]
    missing = Planner(Keys(), (), PRECISE, Recollection(Memory(0))).plan(slots).missing
    assert [(len(i.text), len(i.after)) for i in missing.values() if i.kind == BORDER] == [(WINDOW, WINDOW)]
