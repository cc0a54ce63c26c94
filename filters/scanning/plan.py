"""Which pieces of a request must be scanned, and how what was found in pieces and at borders falls on its slots.

Pieces. A long text is cut into pieces of at most `PIECE` characters, at an empty line, a line's end or a space where
one is near: a piece is scanned in well under a second, so it does not keep other requests waiting, and several scanners
share it.

Borders. Where two neighbouring messages (`Slot.turn`) or two pieces meet, the last and the first `WINDOW` characters
are looked at together, so that a value split over both is found. Before a border short messages are joined too, up to
`CHAIN` of them: once the last alone (a value may begin with it), once the last two, and so on.

Left out. Empty text and white space; and an ATOM with fewer than six digits and no letter: no identifier that we know
is that short (the shortest, a licence plate, has letters).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from filters.findings import Finding, OperatingPoint, Slot, SlotKind
from filters.merge import merge
from filters.scanning.frames import BORDER, Item
from filters.scanning.memory import Keys, Recollection

PIECE: Final = 16_384
WINDOW: Final = 64
CHAIN: Final = 4
_SHORT_NUMBER: Final = re.compile(r"[\x00-/:-@\[-`{-\x7f]*(?:[0-9][\x00-/:-@\[-`{-\x7f]*){0,5}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(slots=True, repr=False)
class Part:
    """A piece of a slot's text: `text` starts at `offset` of slot number `slot`."""

    slot: int
    offset: int
    text: str
    key: bytes


@dataclass(slots=True, repr=False)
class Plan:
    """What is known of a request's findings, and what must still be scanned."""

    found: list[Finding] = field(default_factory=list)
    missing: dict[bytes, Item] = field(default_factory=dict)
    overlaps: bool = False

    def findings(self) -> list[Finding]:
        """In order of slot and start, without overlaps."""
        return merge(self.found) if self.overlaps else self.found


class Planner:
    """Walks the slots of one request once."""

    def __init__(self, keys: Keys, context: tuple[str, ...], point: OperatingPoint, held: Recollection) -> None:
        self._bases = {kind: keys.base(*context, point.value, kind.value) for kind in SlotKind}
        self._held = held
        self._plan = Plan()
        self._tail: list[Part] = []  # what lies before the next border

    def plan(self, slots: Sequence[Slot]) -> Plan:
        for index, slot in enumerate(slots):
            text, kind = slot.text, slot.kind
            if not text or text.isspace() or (kind is SlotKind.ATOM and _SHORT_NUMBER.fullmatch(text)):
                continue
            chained = slot.turn >= 0 and kind is SlotKind.TEXT
            if len(text) <= PIECE:
                part = self._part(index, 0, text, kind)
                if chained:
                    self._border(part)
            else:
                self._long(index, text, kind, chained=chained)
        return self._plan

    def _long(self, index: int, text: str, kind: SlotKind, *, chained: bool) -> None:
        kept, self._tail = self._tail, self._tail if chained else []
        for offset, piece in pieces(text):
            self._border(self._part(index, offset, piece, kind))
        self._plan.overlaps = True
        if not chained:
            self._tail = kept

    def _part(self, slot: int, offset: int, text: str, kind: SlotKind) -> Part:
        digest = self._bases[kind].copy()
        try:
            digest.update(text.encode())
        except UnicodeEncodeError:
            # A lone surrogate is no character and cannot be sent. One for one, so that offsets stay.
            text = _SURROGATE.sub("\ufffd", text)
            digest.update(text.encode())
        key = digest.digest()
        found = self._held.recall(key)
        if found is None:
            self._plan.missing[key] = Item(kind.value, text)
        elif found:
            if offset or found[0].slot != slot:
                found = _moved(found, slot, offset)
                if not offset:  # a resent message mostly keeps its place: next time nothing is made anew
                    self._held.place(key, found)
            self._plan.found += found
        return Part(slot, offset, text, key)

    def _border(self, part: Part) -> None:
        tail = self._tail
        key = part.key
        for first in range(len(tail) - 1, -1, -1):
            key = tail[first].key + key
            found = self._held.recall(key)
            if found is None:
                before = "".join([p.text[-WINDOW:] for p in tail[first:]])[-WINDOW:]
                self._plan.missing[key] = Item(BORDER, before, part.text[:WINDOW])
            elif found:
                self._plan.found += _joined(_split(found, tail[first:], part), part)
                self._plan.overlaps = True
        if len(part.text) >= WINDOW:
            self._tail = [part]
            return
        tail.append(part)
        while len(tail) > CHAIN or sum([len(p.text) for p in tail[1:]]) >= WINDOW:
            del tail[0]


def _moved(found: Sequence[Finding], slot: int, offset: int) -> tuple[Finding, ...]:
    return tuple(
        [Finding(slot, f.start + offset, f.end + offset, f.entity_type, f.category, f.score, f.origin) for f in found]
    )


def _split(found: Sequence[Finding], tail: Sequence[Part], part: Part) -> Iterator[Finding]:
    """Lay the findings of a border (side 0 before, side 1 after) on the slots that its window covers."""
    window = min(WINDOW, sum(min(WINDOW, len(p.text)) for p in tail))
    for f in found:
        if f.slot == 1:
            yield from _moved([f], part.slot, part.offset)
            continue
        end = window
        for p in reversed(tail):  # `end` is where this part ends in the window
            begin = end - len(p.text)
            start, stop = max(f.start, begin, 0), min(f.end, end)
            if start < stop:
                place = p.offset - begin
                yield Finding(p.slot, start + place, stop + place, f.entity_type, f.category, f.score, f.origin)
            end = begin


def _joined(found: Iterable[Finding], part: Part) -> list[Finding]:
    """Where both sides of a border are one slot (a cut between pieces), one value is one finding again."""
    whole = list(found)
    lefts = [f for f in whole if f.slot == part.slot and f.end == part.offset]
    rights = {f.entity_type: f for f in whole if f.slot == part.slot and f.start == part.offset}
    whole += [replace(f, end=rights[f.entity_type].end) for f in lefts if f.entity_type in rights]
    return whole


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """(offset, piece): together the whole text, each at most `PIECE` characters."""
    at = 0
    while len(text) - at > PIECE:
        end = _cut(text, at + PIECE - PIECE // 4, at + PIECE)
        yield at, text[at:end]
        at = end
    yield at, text[at:]


def _cut(text: str, low: int, high: int) -> int:
    for mark in ("\n\n", "\n", " "):
        found = text.rfind(mark, low, high)
        if found >= 0:
            return found + len(mark)
    return high
