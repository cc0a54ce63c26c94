"""What every wire format must keep, run on recordings: `tests/gateway/wire/<format>/*.json`.

A recording shows what the client sends and must get back, in clear. The harness plays the upstream: it puts
placeholders in, cuts the stream, and looks at what comes out. The recordings are written by hand after the vendors'
documentation; all persons and accounts are invented.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filters.findings import SlotKind
from filters.pseudonyms import Placeholders
from gateway.errors import BadRequest
from gateway.exchange import AnswerFacts, Stamp
from gateway.sse import SseDecoder, SseEvent
from gateway.wire import Call, Send, WireFormat

CANARY = "Kanarie Vogelsang"
NUMBER = 999990019
PLACEHOLDERS = Placeholders(b"a key of the tests", "subject|tool|day")
VALUES = {
    PLACEHOLDERS.substitute(value, [(0, len(value), entity)]): value
    for value, entity in (
        ("Jan Peeters", "PERSON"),
        ("BE71 0961 2345 6769", "IBAN_CODE"),
        ('d"Hondt \\ Zn', "ORGANIZATION"),
    )
}
"""Placeholder → value. The last value must be escaped wherever it stands in JSON source."""


@dataclass(frozen=True)
class Recording:
    name: str
    request: dict[str, Any]
    answer: dict[str, Any]
    stream: list[dict[str, Any]]
    usage: list[int]
    strict: bool = True  # OpenAI's own types accept it
    unscannable: tuple[str, ...] = ()
    source: str = ""

    @property
    def body(self) -> bytes:
        return json.dumps(self.request).encode()


def recordings(folder: str) -> list[Recording]:
    files = sorted((Path(__file__).parent / folder).glob("*.json"))
    return [Recording(name=file.stem, **json.loads(file.read_text("utf-8"))) for file in files]


def no_stamp(_: AnswerFacts) -> Stamp | None:
    return None


def protect(text: str) -> str:
    """`text` as an upstream would write it: placeholders for values, escaped or not."""
    for placeholder, value in VALUES.items():
        text = text.replace(json.dumps(value)[1:-1], placeholder).replace(value, placeholder)
    return text


def each_string(tree: Any, change: Callable[[str], str]) -> Any:
    if isinstance(tree, dict):
        return {key: each_string(value, change) for key, value in tree.items()}
    if isinstance(tree, list):
        return [each_string(value, change) for value in tree]
    return change(tree) if isinstance(tree, str) else tree


# --- the request -------------------------------------------------------------------------------------------------


def mutants(tree: Any) -> Iterator[tuple[str, Any, str]]:
    """Copies of `tree` with a canary in one leaf (string, number, key; JSON in strings too), and what to find."""
    yield from _mutants(tree, lambda new: new, "")


def _mutants(node: Any, put: Callable[[Any], Any], where: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            renamed = {(CANARY if name == key else name): item for name, item in node.items()}
            yield f"{where}.{key} (key)", put(renamed), CANARY
            yield from _mutants(value, partial(_put_member, put, node, key), f"{where}.{key}")
        yield f"{where} (new key)", put({**node, CANARY: 1}), CANARY
        yield f"{where} (new value)", put({**node, "zzz": [CANARY]}), CANARY
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _mutants(value, partial(_put_item, put, node, index), f"{where}[{index}]")
    else:
        yield f"{where} (text)", put(CANARY), CANARY
        yield f"{where} (number)", put(NUMBER), str(NUMBER)
        yield f"{where} (list)", put([CANARY]), CANARY
        yield f"{where} (object)", put({CANARY: CANARY}), CANARY
        if isinstance(node, str) and node[:1] == "{":
            inner = json.loads(node)
            yield from _mutants(inner, lambda new: put(json.dumps(new)), f"{where}<json>")


def _put_member(put: Callable[[Any], Any], node: dict[str, Any], key: str, new: Any) -> Any:
    return put({**node, key: new})


def _put_item(put: Callable[[Any], Any], node: list[Any], index: int, new: Any) -> Any:
    return put([*node[:index], new, *node[index + 1 :]])


def check_canary(wire: WireFormat, tree: Any, planted: str) -> str:
    """A canary is refused, or an atom (which blocks), or replaced by the rewriting. Returns which; raises otherwise."""
    try:
        call = wire.parse(json.dumps(tree).encode())
        slots = wire.slots(call)
    except BadRequest as error:
        said = f"{error} {error.params} {error.param} {error.message('nl')}"
        return "told" if CANARY in said else "refused"
    if any(planted in slot.text for slot in slots if slot.kind is SlotKind.ATOM):
        return "atom"
    seen = [slot for slot in slots if planted in slot.text]
    wire.rewrite(call, {slot.path: slot.text.replace(planted, "QX") for slot in seen})
    sent = wire.encode(call, Send("upstream-model")).decode()
    assert planted not in sent
    assert "Kanarie" not in sent
    return "replaced" if seen else "not sent"


# --- the stream --------------------------------------------------------------------------------------------------

STRUCTURAL = {"role", "id", "type", "index", "format", "name", "finish_reason", "provider", "note"}


def texts(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key not in STRUCTURAL:
                yield from texts(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from texts(value, (*path, index))
    elif isinstance(node, str) and node:
        yield path, node


def put(node: Any, path: tuple[Any, ...], value: str) -> None:
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value


def upstream_chunks(recording: Recording, cut: int | None) -> list[dict[str, Any]]:
    """The recorded stream with placeholders; each delta's texts cut in two at `cut`, or into characters (None)."""
    chunks: list[dict[str, Any]] = []
    for recorded in recording.stream:
        chunk = each_string(recorded, protect)
        for place, choice in enumerate(chunk["choices"]):
            pieces = {path: _cut(text, cut) for path, text in texts(choice.get("delta") or {})}
            for number in range(max(map(len, pieces.values()), default=1) - 1):
                early = copy.deepcopy(chunk)
                early["choices"] = [early["choices"][place]]
                early["choices"][0]["finish_reason"] = None
                early.pop("usage", None)
                early["choices"][0].pop("logprobs", None)
                for path, parts in pieces.items():
                    put(early["choices"][0]["delta"], path, parts[number] if number < len(parts) - 1 else "")
                chunks.append(early)
            for path, parts in pieces.items():
                put(choice["delta"], path, parts[-1])
        chunks.append(chunk)
    return chunks


def _cut(text: str, cut: int | None) -> list[str]:
    return list(text) if cut is None else [text[:cut], text[cut:]] if 0 < cut < len(text) else [text]


def sse(chunks: list[dict[str, Any]], end: str = "\n", done: str = "data: [DONE]") -> bytes:
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}{end}{end}" for chunk in chunks]
    return ("".join(lines) + f"{done}{end}{end}").encode()


def play(
    wire: WireFormat, call: Call, pieces: list[bytes], stamp: Callable[[AnswerFacts], Stamp | None] = no_stamp
) -> tuple[bytes, Any]:
    """Bytes of the upstream, in pieces, through decoder and stream; what the client gets, and the stream."""
    stream = wire.stream(call, restorers=PLACEHOLDERS, hosts=frozenset({"example.org"}), stamp=stamp)
    decoder = SseDecoder()
    out = [stream.opening("ai-generated record=1")]
    for piece in pieces:
        out += [stream.feed(event) for event in decoder.feed(piece)]
    out += [stream.feed(event) for event in decoder.close()]
    out.append(stream.finish())
    return b"".join(out), stream


def events(data: bytes) -> list[SseEvent]:
    decoder = SseDecoder()
    return [event for event in decoder.feed(data) + decoder.close() if event.data]


def chunks_of(data: bytes) -> list[dict[str, Any]]:
    found = events(data)
    assert found[-1].data == "[DONE]"
    assert not any(event.event or event.id for event in found)  # named events break clients
    return [json.loads(event.data) for event in found[:-1]]


def accumulate(chunks: list[dict[str, Any]]) -> dict[Any, Any]:
    """What a client has in the end: texts joined per choice and place, structural members as they came last."""
    state: dict[Any, Any] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            number = choice["index"]
            if choice.get("finish_reason"):
                state[number, "finish_reason"] = choice["finish_reason"]
            _gather(state, (number,), choice.get("delta") or {})
    return {key: value for key, value in state.items() if value != ""}


def _gather(state: dict[Any, Any], path: tuple[Any, ...], node: Any) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in STRUCTURAL:
                state[(*path, key)] = value
            else:
                _gather(state, (*path, key), value)
    elif isinstance(node, list):
        for place, item in enumerate(node):
            _gather(state, (*path, item.get("index", place) if isinstance(item, dict) else place), item)
    elif isinstance(node, str):
        state[path] = state.get(path, "") + node
