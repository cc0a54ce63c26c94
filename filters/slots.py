"""Walks a JSON tree: every string, object key and number that is not structural becomes a slot (promise 1).

A wire format describes its layout as a tree of `Spec`s; whatever the description does not name is scanned. Paths lead
from the root: object keys and list indexes, plus two markers that no list index can be: `EMBEDDED` after a string that
holds JSON itself (the path goes on inside), `KEY` before the name of an object key. true, false and null hold nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, or any JSON: everything in it is scanned. `atom`: names and the like, which a finding blocks."""

    atom: bool = False
    strict: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Closed:
    """A structural string. It must match whole; it is no slot. Else the walk fails, or if not strict it is an atom."""

    pattern: re.Pattern[str]
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Ident:
    """An id: must match whole, and is scanned too, because a number of a person may stand in it."""

    pattern: re.Pattern[str]
    strict: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Json:
    """A string that holds JSON, such as a tool call's arguments: decoded, walked inside, encoded again."""

    strict: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Payload:
    """An address or encoded bytes. Never replaced; of a long data URI or base64 text only the head is scanned."""

    strict: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Fields:
    """An object. Names in `known` are structural, others are scanned and lead to `rest`; `text`: for a bare string."""

    known: Mapping[str, "Spec"]
    rest: "Spec" = field(default_factory=Text)
    text: "Spec" = field(default_factory=Text)
    strict: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Each:
    """A list of like items (`text` for a bare string). `turns`: the index counts the turns of a conversation."""

    item: "Spec"
    turns: bool = False
    text: "Spec" = field(default_factory=Text)
    strict: ClassVar[bool] = False


Spec: TypeAlias = Text | Closed | Ident | Json | Payload | Fields | Each
"""What stands at a place of the tree. `strict`: a string that matches, and nothing else, may stand there."""


def walk(tree: Any, spec: Spec) -> list[Slot]:
    """Every slot, in the order of the document, a key before its value. Raises SlotError."""
    walker = _Walker()
    try:
        walker.visit(tree, spec, ())
    except _Stop as stop:
        code, place = stop.code, _place(spec, stop.path)
    else:
        return walker.slots
    raise SlotError(code, place)


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
    """Written for speed: it sees every value of every request. Parsed JSON holds exact types: `type() is` will do."""

    __slots__ = ("embedding", "slots", "turn")

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.turn = -1
        self.embedding = 0

    def add(self, path: Path, text: str, kind: SlotKind) -> None:
        if text:
            if len(self.slots) >= MAX_SLOTS:
                raise _Stop("too_many", path)
            self.slots.append(Slot(path, text, kind, self.turn))

    def visit(self, value: Any, spec: Spec, path: Path) -> None:
        kind = type(value)
        if kind is str:
            self.string(value, spec, path)
        elif kind is dict or kind is list:
            if len(path) >= MAX_DEPTH:
                raise _Stop("too_deep", path)
            if spec.strict:
                raise _Stop("not_allowed", path)
            if kind is dict:
                self.mapping(value, spec, path)
            else:
                self.sequence(value, spec, path)
        elif value is not None and kind is not bool:
            if spec.strict:
                raise _Stop("not_allowed", path)
            self.add(path, _digits(value, path), SlotKind.ATOM)

    def mapping(self, value: dict[str, Any], spec: Spec, path: Path) -> None:
        known: Mapping[str, Spec] = _NONE
        rest: Spec = _ANY
        if type(spec) is Fields:
            known, rest = spec.known, spec.rest
        elif type(spec) is Text:
            rest = spec
        for key, item in value.items():
            inner = known.get(key)
            if inner is None:
                self.add((*path, KEY, key), key, SlotKind.ATOM)
                inner = rest
            self.visit(item, inner, (*path, key))

    def sequence(self, value: list[Any], spec: Spec, path: Path) -> None:
        # A list where the layout has none is walked by the same description: `"type": ["string", "null"]`.
        item_spec, turns = (spec.item, spec.turns) if type(spec) is Each else (spec, False)
        for index, item in enumerate(value):
            if turns:
                self.turn = index
            self.visit(item, item_spec, (*path, index))
        if turns:
            self.turn = -1

    def string(self, text: str, spec: Spec, path: Path) -> None:
        while type(spec) is Each or type(spec) is Fields:
            spec = spec.text
        if type(spec) is Text or type(spec) is Json:
            atom = type(spec) is Text and spec.atom
            if text[:1] in _MAYBE_JSON and self.embedded(text, spec, path):
                return
            self.add(path, text, SlotKind.ATOM if atom else SlotKind.TEXT)
        elif type(spec) is Closed or type(spec) is Ident:
            matches = spec.pattern.fullmatch(text) is not None
            if spec.strict and not matches:
                raise _Stop("not_allowed", path)
            if not matches or type(spec) is Ident:
                self.add(path, text, SlotKind.ATOM)
        else:
            self.add(path, _head(text), SlotKind.ATOM)

    def embedded(self, text: str, spec: Spec, path: Path) -> bool:
        """Walk inside a string that holds JSON. Free text is decoded only where escapes hide what it says."""
        free = type(spec) is Text
        if (free and "\\" not in text) or text.lstrip()[:1] not in _OPENERS:
            return False
        decoded = _decode(text, path)
        if decoded is None:
            return False
        if self.embedding >= MAX_EMBEDDING:
            raise _Stop("too_deep", path)
        self.embedding += 1
        self.visit(decoded, spec if free else _ANY, (*path, EMBEDDED))
        self.embedding -= 1
        return True


class _Stop(Exception):
    """Why and where the walk ended; the path may hold a client's keys, so it stays inside."""

    def __init__(self, code: str, path: Path) -> None:
        super().__init__(code)
        self.code = code
        self.path = path


def _place(spec: Spec, path: Path) -> str:
    """The path as far as the layout itself names it."""
    place = ""
    for step in path:
        if type(spec) is Fields and step in spec.known:
            spec = spec.known[str(step)]
            place = f"{place}.{step}" if place else str(step)
        elif type(spec) is Each and isinstance(step, int) and step >= 0:
            spec = spec.item
            place = f"{place}[{step}]"
        else:
            break
    return place


_ANY = Text()
_NONE: Mapping[str, Spec] = {}
_OPENERS = ("{", "[", '"')
_MAYBE_JSON = (*_OPENERS, " ", "\n", "\r", "\t")


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


def _decode(text: str, path: Path = ()) -> Any:
    """What a string holds as JSON, or None when it holds none, or none that says one thing (a key twice).

    Not decoded, it is scanned as the text that it is. Raises _Stop when it is too deep.
    """
    try:
        decoded = _DECODER.decode(text)
    except RecursionError:
        raise _Stop("too_deep", path) from None
    except (ValueError, _Repeated):
        return None
    try:
        orjson.dumps(decoded, default=_write)
    except TypeError:  # what cannot be written again (a lone surrogate) stays text
        if _depth(decoded) > MAX_DEPTH:  # unless that was its depth
            raise _Stop("too_deep", path) from None
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


def _digits(value: Any, path: Path) -> str:
    """A number as text: what is scanned is what will be sent. Raises _Stop for one that lost digits in parsing."""
    if isinstance(value, _Number):
        return value.digits
    if isinstance(value, int):
        return str(value)
    if abs(value) >= _BEYOND_64_BITS:  # orjson reads a longer whole number as a float
        raise _Stop("number_too_large", path)
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
