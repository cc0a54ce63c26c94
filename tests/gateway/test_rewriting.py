"""Any chat request on the road without I/O: parse, slots, findings, rewrite, encode; and its echo back, split anywhere.

What goes upstream holds none of the marked values, in whatever escape; what comes back is what was written.
"""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from filters.findings import SlotKind
from filters.pseudonyms import Placeholders
from gateway.sse import SseDecoder
from gateway.wire import Call, Send
from gateway.wire.openai_chat import OpenAIChat
from tests.gateway.wire.contract import chunks_of, no_stamp, sse

WIRE = OpenAIChat()
VALUES = {
    "Fatima Van den Broeck": "PERSON",
    "fatima@example.org": "EMAIL_ADDRESS",
    "BE71 0961 2345 6769": "IBAN_CODE",
    'd"Hondt \\ Zn': "ORGANIZATION",
    "Zoë\tÇelik": "PERSON",
}
# What may stand around a value: no address and no link, where a value would rightly not be put back (promise 6).
WORDS = st.sampled_from(["Beste ", "en ", '"', "{", "}]", "é\u2028", "1, ", "😀 ", "\n", '{"a": ', "\\u0041 ", ""])
TEXT = st.lists(st.tuples(WORDS, st.sampled_from(["", *VALUES]), st.sampled_from([" ", "\n"])), max_size=4).map(
    lambda parts: "".join("".join(part) for part in parts)
)
KEYS = st.sampled_from(["naar", "lijst", "onderwerp"])
TREE = st.recursive(
    TEXT | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner)
)
ARGUMENTS = st.dictionaries(KEYS, TREE).map(json.dumps)
CONTENT = TEXT | st.lists(TEXT.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=2)


def turn(content: Any, arguments: str | None, role: str) -> dict[str, Any]:
    if arguments is None:
        return {"role": role, "content": content}
    call = {"id": "call_1", "type": "function", "function": {"name": "zoek", "arguments": arguments}}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


TURN = st.builds(turn, CONTENT, st.none() | ARGUMENTS, st.sampled_from(["user", "system", "assistant"]))
BODY = st.builds(
    lambda turns, more: {"model": "m", "messages": turns, "stream": True, **more},
    st.lists(TURN, min_size=1, max_size=3),
    st.fixed_dictionaries({}, optional={"metadata": TREE, "user": TEXT, "stop": st.lists(TEXT, max_size=2)}),
)


def replaced(call: Call) -> Placeholders:
    """Findings as a filter would give them, and the one rewriting."""
    slots = WIRE.slots(call)
    placeholders = Placeholders(b"a key of the tests", "subject|tool|day")
    placeholders.reserve(slot.text for slot in slots)
    texts = {}
    for slot in slots:
        if spans := sorted(found(slot.text)):
            assert slot.kind is SlotKind.TEXT
            texts[slot.path] = placeholders.substitute(slot.text, spans)
    WIRE.rewrite(call, texts)
    return placeholders


def found(text: str) -> Iterator[tuple[int, int, str]]:
    for value, entity in VALUES.items():
        start = text.find(value)
        while start >= 0:
            yield start, start + len(value), entity
            start = text.find(value, start + len(value))


def strings(node: Any) -> Iterator[str]:
    """Every string and key, those inside JSON inside strings too."""
    if isinstance(node, str):
        yield node
        try:
            inner = json.loads(node)
        except ValueError:
            return
        if not isinstance(inner, str) or inner != node:
            yield from strings(inner)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from (key, *strings(value))
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)


def restored(placeholders: Placeholders, call: Call, message: dict[str, Any], cut: int) -> dict[str, Any]:
    """What the client has in the end when the upstream echoes `message`, one piece of `cut` characters at a time."""
    whole = "".join(part["text"] for part in message["content"]) if isinstance(message["content"], list) else (
        message["content"]
    )  # fmt: skip
    deltas: list[dict[str, Any]] = [{"content": whole[i : i + cut]} for i in range(0, len(whole), cut)]
    for asked in message.get("tool_calls", ()):
        arguments = asked["function"]["arguments"]
        pieces = [arguments[i : i + cut] for i in range(0, len(arguments), cut)]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    stream = WIRE.stream(call, restorers=placeholders, hosts=frozenset(), stamp=no_stamp)
    out = b"".join(stream.feed(event) for event in SseDecoder().feed(sse(chunks)))
    content = arguments = ""
    for chunk in chunks_of(out):
        delta = chunk["choices"][0]["delta"]
        content += delta.get("content") or ""
        arguments += "".join(part["function"].get("arguments", "") for part in delta.get("tool_calls", ()))
    return {"content": content, "arguments": arguments}


@settings(max_examples=150, deadline=None)
@given(BODY, st.integers(1, 20))
def test_no_value_goes_up_and_every_value_comes_back(body: dict[str, Any], cut: int) -> None:
    call = WIRE.parse(json.dumps(body).encode())
    placeholders = replaced(call)
    sent = WIRE.encode(call, Send("upstream-model"))
    assert not [value for text in strings(json.loads(sent)) for value in VALUES if value in text]
    assert not [value for value in VALUES if json.dumps(value)[1:-1] in sent.decode() or value in sent.decode()]

    last, echo = body["messages"][-1], json.loads(sent)["messages"][-1]
    written = last["content"] if isinstance(last["content"], str) else "".join(p["text"] for p in last["content"])
    answer = WIRE.read(json.dumps({"choices": [{"index": 0, "message": echo, "finish_reason": "stop"}]}).encode(), call)
    whole = json.loads(WIRE.write(answer, restorers=placeholders, hosts=frozenset(), stamp=no_stamp))
    assert whole["choices"][0]["message"]["content"] == last["content"]
    pieces = restored(placeholders, call, echo, cut)
    assert pieces["content"] == written
    for number, asked in enumerate(last.get("tool_calls", ())):
        arguments = whole["choices"][0]["message"]["tool_calls"][number]["function"]["arguments"]
        original = json.loads(asked["function"]["arguments"])
        assert json.loads(arguments) == json.loads(pieces["arguments"]) == original
