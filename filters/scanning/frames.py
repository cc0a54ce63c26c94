"""What worker and scanning process say to each other: a length (4 bytes, big endian), then one JSON value.

    scanner → worker   {"version": …}                                     once, when the models are loaded
    worker → scanner   [id, weight, point, [[kind, text] | ["border", before, after], …]]
                       [id]                                               the answer is no longer wanted
    scanner → worker   [id, [[finding, …], …]]                            one list of findings per item
                       [id, null, "ClassName"]                            no answer; the name of the exception, no text
    finding            [side, start, end, entity_type, category, score, origin]

`side` is 0, or 1 for the part of a border finding that lies in `after`. `weight` counts the characters that the same
request asked for so far, this frame included: the scanner serves light requests first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from filters.findings import Category, Finding, OperatingPoint, SlotKind

MAX_FRAME: Final = 4 * 1024 * 1024
"""Bytes. The client cuts texts into pieces of some 16,000 characters, so a frame of a sound peer stays far below."""

BORDER: Final = "border"


class FrameError(Exception):
    """The peer broke the layout above. The connection is of no further use. Carries no text."""


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """One thing to inspect: a text of a kind, or a border (`kind` is `border`, `after` its right side)."""

    kind: str
    text: str
    after: str = ""

    @property
    def size(self) -> int:
        """Characters to inspect."""
        return len(self.text) + len(self.after)

    def __repr__(self) -> str:
        return f"Item({self.kind}, chars={self.size})"


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A frame that asks for items to be inspected."""

    number: int
    weight: int
    point: OperatingPoint
    items: tuple[Item, ...]

    def __repr__(self) -> str:
        return f"Request({self.number}, items={len(self.items)})"


class FrameReader:
    """Bytes in, whole frames out; no I/O."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that are complete now. Raises FrameError for a frame above the limit."""
        buffer = self._buffer
        buffer += data
        frames, at = [], 0
        while len(buffer) - at >= 4:  # noqa: PLR2004 - the width of the length
            size = int.from_bytes(buffer[at : at + 4], "big")
            if size > self._limit:
                raise FrameError("frame too large")
            if len(buffer) - at - 4 < size:
                break
            frames.append(bytes(buffer[at + 4 : at + 4 + size]))
            at += 4 + size
        if at:
            del buffer[:at]
        return frames


def frame(value: object) -> bytes:
    """One frame. Raises FrameError when it would be larger than a peer accepts."""
    payload = orjson.dumps(value)
    if len(payload) > MAX_FRAME:
        raise FrameError("frame too large")
    return len(payload).to_bytes(4, "big") + payload


def parse(payload: bytes) -> Any:
    """The JSON value of a frame. Raises FrameError."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise FrameError("frame is not JSON") from None


def hello(version: str) -> bytes:
    return frame({"version": version})


def ask(number: int, weight: int, point: OperatingPoint, items: Iterable[Item]) -> bytes:
    asked = [[i.kind, i.text, i.after] if i.kind == BORDER else [i.kind, i.text] for i in items]
    return frame([number, weight, point.value, asked])


def forget(number: int) -> bytes:
    return frame([number])


def answer(number: int, found: Sequence[Sequence[Finding]]) -> bytes:
    """`Finding.slot` carries the side."""
    return frame(
        [
            number,
            [
                [
                    # int() and float(): a model may hand out numpy's numbers, which JSON does not know.
                    [f.slot, int(f.start), int(f.end), f.entity_type, f.category.value, float(f.score), f.origin]
                    for f in item
                ]
                for item in found
            ],
        ]
    )


def failure(number: int, error: BaseException) -> bytes:
    """Only the class is named: a message may quote the text."""
    return frame([number, None, type(error).__name__])


def read_request(value: Any) -> Request | int:
    """What a worker said: a request, or the number of one that is to be forgotten. Raises FrameError."""
    match value:
        case [int(number)]:
            return number
        case [int(number), int(weight), str(point), list(asked)]:
            try:
                return Request(number, weight, OperatingPoint(point), tuple(_item(one) for one in asked))
            except ValueError:
                raise FrameError("unknown operating point or kind") from None
        case _:
            raise FrameError("not a request")


def _item(value: Any) -> Item:
    match value:
        case [str(kind), str(text)]:
            return Item(SlotKind(kind).value, text)
        case ["border", str(before), str(after)]:
            return Item(BORDER, before, after)
        case _:
            raise FrameError("not an item")


def read_findings(value: Any, item: Item) -> tuple[Finding, ...]:
    """The findings of one item, ordered, checked against its length. Raises FrameError."""
    if not isinstance(value, list):
        raise FrameError("not a list of findings")
    if not value:
        return ()
    return tuple(sorted((_finding(one, item) for one in value), key=lambda f: (f.slot, f.start, f.end)))


def _finding(value: Any, item: Item) -> Finding:
    match value:
        case [int(side), int(start), int(end), str(entity), str(category), int(score) | float(score), str(origin)]:
            room = len(item.after if side else item.text)
            if side not in (0, 1) or not 0 <= start < end <= room:
                raise FrameError("finding outside its text")
            try:
                return Finding(side, start, end, entity, Category(category), score, origin)
            except ValueError:
                raise FrameError("unknown category") from None
        case _:
            raise FrameError("not a finding")
