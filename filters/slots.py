"""Walks a JSON tree: every string, object key and number that is not structural becomes a slot (promise 1).

A wire format describes its layout as a tree of `Spec`s; whatever the description does not name is scanned. Paths lead
from the root: object keys and list indexes, plus two markers that no list index can be: `EMBEDDED` after a string that
holds JSON itself (the path goes on inside), `KEY` before the name of an object key. true, false and null hold nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from filters.findings import Path, Slot, SlotKind

EMBEDDED = -1
KEY = -2
MAX_DEPTH = 96
"""Steps of a path, embedded JSON included. orjson writes 254 containers, Python's stack allows some 300 of ours."""
MAX_SLOTS = 50_000
MAX_EMBEDDING = 4
"""JSON in a string in JSON in a string …"""
LONG_PAYLOAD = 1024
"""A data URI or base64 text longer than this is no text; the wire format lists its part as unscannable."""


class SlotError(ValueError):
    """The tree cannot be walked. `code` is constant; `place` is made of names in our own layouts and indexes only."""

    def __init__(self, code: str, place: str) -> None:
        super().__init__(code)
        self.code = code
        self.place = place


class Spec:
    """What stands at a place of the tree."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Text(Spec):
    """Free text, or any JSON: everything in it is scanned. `atom`: names and the like, which a finding blocks."""

    atom: bool = False


@dataclass(frozen=True, slots=True)
class Closed(Spec):
    """A structural string. It must match whole; it is no slot. Else the walk fails, or with `lenient` it is an atom."""

    pattern: re.Pattern[str]
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Ident(Spec):
    """An id: must match whole, and is scanned too, because a number of a person may stand in it."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Json(Spec):
    """A string that holds JSON, such as a tool call's arguments: decoded, walked inside, encoded again."""


@dataclass(frozen=True, slots=True)
class Payload(Spec):
    """An address or encoded bytes. Never replaced; of a long data URI or base64 text only the head is scanned."""


@dataclass(frozen=True, slots=True)
class Fields(Spec):
    """An object. Names in `known` are structural, others are scanned and lead to `rest`; `text`: for a bare string."""

    known: Mapping[str, Spec]
    rest: Spec = field(default_factory=Text)
    text: Spec = field(default_factory=Text)


@dataclass(frozen=True, slots=True)
class Each(Spec):
    """A list of like items (`text` for a mere string). `turns`: the index counts the turns of a conversation."""

    item: Spec
    turns: bool = False
    text: Spec = field(default_factory=Text)


def walk(tree: Any, spec: Spec) -> list[Slot]:
    """Every slot, in the order of the document, a key before its value. Raises SlotError."""
    walker = _Walker()
    walker.visit(tree, spec, (), "")
    return walker.slots


def replace(tree: Any, texts: Mapping[Path, str]) -> None:
    """Write each text at its path, in place, once. Raises KeyError or IndexError for a path that `walk` did not give.

    A string that holds JSON is decoded once, written to, and encoded again.
    """
    inside: dict[Path, dict[Path, str]] = {}
    for path, text in texts.items():
        if EMBEDDED in path:
            cut = path.index(EMBEDDED)
            inside.setdefault(path[:cut], {})[path[cut + 1 :]] = text
        elif path[-2:-1] == (KEY,):
            raise KeyError("a key is never replaced")
        else:
            holder = _resolve(tree, path[:-1])
            if not isinstance(holder[path[-1]], str):
                raise KeyError("only strings are replaced")
            holder[path[-1]] = text
    for path, parts in inside.items():
        holder = _resolve(tree, path[:-1])
        box = [_decode(holder[path[-1]])]
        replace(box, {(0, *inner): text for inner, text in parts.items()})
        holder[path[-1]] = orjson.dumps(box[0], default=_write).decode()


def _resolve(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


class _Walker:
    __slots__ = ("embedding", "slots", "turn")

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.turn = -1
        self.embedding = 0

    def add(self, path: Path, text: str, place: str, *, atom: bool) -> None:
        if not text:
            return
        if len(self.slots) >= MAX_SLOTS:
            raise SlotError("too_many", place)
        self.slots.append(Slot(path, text, SlotKind.ATOM if atom else SlotKind.TEXT, self.turn))

    def visit(self, value: Any, spec: Spec, path: Path, place: str) -> None:
        if isinstance(value, str):
            self.string(value, spec, path, place)
        elif isinstance(value, dict | list):
            if len(path) >= MAX_DEPTH:
                raise SlotError("too_deep", place)
            if isinstance(value, dict):
                self.mapping(value, spec, path, place)
            else:
                self.sequence(value, spec, path, place)
        elif value is not None and not isinstance(value, bool):
            _loose(spec, place)
            self.add(path, _digits(value, place), place, atom=True)

    def mapping(self, value: dict[str, Any], spec: Spec, path: Path, place: str) -> None:
        _loose(spec, place)
        known: Mapping[str, Spec] = spec.known if isinstance(spec, Fields) else {}
        rest = spec.rest if isinstance(spec, Fields) else spec if isinstance(spec, Text) else _ANY
        for key, item in value.items():
            inner = known.get(key)
            if inner is not None:
                self.visit(item, inner, (*path, key), f"{place}.{key}" if place else key)
            else:
                self.add((*path, KEY, key), key, place, atom=True)
                self.visit(item, rest, (*path, key), place)

    def sequence(self, value: list[Any], spec: Spec, path: Path, place: str) -> None:
        _loose(spec, place)
        # A list where the layout has none is walked by the same description: `"type": ["string", "null"]`.
        each = spec if isinstance(spec, Each) else Each(spec)
        for index, item in enumerate(value):
            if each.turns:
                self.turn = index
            self.visit(item, each.item, (*path, index), f"{place}[{index}]")
        if each.turns:
            self.turn = -1

    def string(self, text: str, spec: Spec, path: Path, place: str) -> None:
        while isinstance(spec, Fields | Each):
            spec = spec.text
        if isinstance(spec, Closed):
            if spec.pattern.fullmatch(text):
                return
            if not spec.lenient:
                raise SlotError("not_allowed", place)
        elif isinstance(spec, Ident) and not spec.pattern.fullmatch(text):
            raise SlotError("not_allowed", place)
        elif isinstance(spec, Payload):
            self.add(path, _head(text), place, atom=True)
            return
        elif isinstance(spec, Json | Text) and self.embedded(text, spec, path, place):
            return
        free = isinstance(spec, Json) or (isinstance(spec, Text) and not spec.atom)
        self.add(path, text, place, atom=not free)

    def embedded(self, text: str, spec: Spec, path: Path, place: str) -> bool:
        """Walk inside a string that holds JSON. Free text is decoded only where escapes hide what it says."""
        if text[:1] not in _OPENERS and text.lstrip()[:1] not in _OPENERS:
            return False
        if isinstance(spec, Text) and "\\" not in text:
            return False
        decoded = _decode(text, place)
        if decoded is None:
            return False
        if self.embedding >= MAX_EMBEDDING:
            raise SlotError("too_deep", place)
        self.embedding += 1
        self.visit(decoded, spec if isinstance(spec, Text) else _ANY, (*path, EMBEDDED), place)
        self.embedding -= 1
        return True


def _loose(spec: Spec, place: str) -> None:
    """Where a closed string or an id must stand, nothing else may."""
    if isinstance(spec, Ident) or (isinstance(spec, Closed) and not spec.lenient):
        raise SlotError("not_allowed", place)


_ANY = Text()
_OPENERS = ("{", "[", '"')


class _Repeated(Exception):
    """An object names a key twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise _Repeated
    return tree


class _Number:
    """A number inside embedded JSON keeps its own digits: what is forwarded is what was scanned."""

    __slots__ = ("digits",)

    def __init__(self, digits: str) -> None:
        self.digits = digits


def _write(number: _Number) -> orjson.Fragment:
    return orjson.Fragment(number.digits)


def _refuse(_: str) -> None:
    raise ValueError("not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_Number, parse_int=_Number, parse_constant=_refuse)


def _decode(text: str, place: str = "") -> Any:
    """What a string holds as JSON, or None when it holds none, or none that says one thing (a key twice).

    Not decoded, it is scanned as the text that it is. Raises SlotError when it is too deep.
    """
    try:
        decoded = _DECODER.decode(text)
    except RecursionError:
        raise SlotError("too_deep", place) from None
    except (ValueError, _Repeated):
        return None
    try:
        orjson.dumps(decoded, default=_write)
    except TypeError:  # what cannot be written again (a lone surrogate) stays text
        if _depth(decoded) > MAX_DEPTH:  # unless that was its depth
            raise SlotError("too_deep", place) from None
        return None
    return decoded


def _depth(tree: Any) -> int:
    """Containers inside one another, counted without recursion."""
    depth, level = 0, [tree]
    while level:
        level = [item for node in level if isinstance(node, dict | list) for item in _children(node)]
        depth += 1
    return depth


def _children(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _digits(value: Any, place: str) -> str:
    """A number as text: what is scanned is what will be sent. Raises SlotError for one that lost digits in parsing."""
    if isinstance(value, _Number):
        return value.digits
    if isinstance(value, int):
        return str(value)
    if abs(value) >= _BEYOND_64_BITS:  # orjson reads a longer whole number as a float
        raise SlotError("number_too_large", place)
    return str(int(value)) if value.is_integer() else repr(value)


_BEYOND_64_BITS = 2.0**63
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]+")
_DATA_URI = re.compile(r"data:[^,]{0,512},")


def _head(text: str) -> str:
    """All of an address; of encoded bytes, which no text filter can read, the part that says what they are."""
    if len(text) <= LONG_PAYLOAD:
        return text
    found = _DATA_URI.match(text)
    start = found.end() if found else 0
    return text[: start + 64] if _BASE64.fullmatch(text, start) else text
