"""The contract, for OpenAI chat completions."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from filters.findings import SlotKind
from gateway.exchange import AnswerFacts, Stamp
from gateway.wire import Send
from gateway.wire.formats import FORMATS, find
from gateway.wire.openai_chat import OpenAIChat
from tests.gateway.wire import contract
from tests.gateway.wire.contract import Recording

WIRE = OpenAIChat()
RECORDINGS = contract.recordings("openai_chat")
every = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
CHUNK = TypeAdapter(ChatCompletionChunk)
ANSWER = TypeAdapter(ChatCompletion)
MARK = Stamp({"schema": "urn:x"}, "\n\nMet AI gemaakt.")


def test_the_format_is_found_by_its_path_only() -> None:
    assert find("POST", "/v1/chat/completions") in FORMATS
    for method, path in (("GET", "/v1/chat/completions"), ("POST", "/v1/chat/completions/"), ("POST", "/v1/audio")):
        assert find(method, path) is None


@every
def test_a_canary_in_any_leaf_is_refused_blocked_or_replaced(recording: Recording) -> None:
    fates = [contract.check_canary(WIRE, tree, planted) for _, tree, planted in contract.mutants(recording.request)]
    assert set(fates) == {"refused", "atom", "replaced"}


@every
def test_what_is_not_rewritten_goes_up_as_it_came(recording: Recording) -> None:
    call = WIRE.parse(recording.body)
    WIRE.slots(call)
    sent = json.loads(WIRE.encode(call, Send("m", include_usage=False)))
    assert sent == {**recording.request, "model": "m"}
    assert call.unscannable == tuple(recording.unscannable)


@every
def test_every_value_is_replaced_upstream_and_comes_back(recording: Recording) -> None:
    call = WIRE.parse(recording.body)
    slots = WIRE.slots(call)
    texts = {slot.path: contract.protect(slot.text) for slot in slots if slot.kind is SlotKind.TEXT}
    WIRE.rewrite(call, texts)
    again = WIRE.parse(WIRE.encode(call, Send("m")))
    assert [s.text for s in WIRE.slots(again) if s.kind is SlotKind.TEXT and "Jan Peeters" in s.text] == []
    back = {s.path: contract.PLACEHOLDERS.restore(s.text) for s in WIRE.slots(call) if s.path in texts}
    WIRE.rewrite(call, back)
    assert [slot.text for slot in WIRE.slots(call)] == [slot.text for slot in slots]


@every
@pytest.mark.parametrize("mark", [None, MARK])
def test_an_answer_is_restored_to_the_byte_and_stays_valid(recording: Recording, mark: Stamp | None) -> None:
    upstream = json.dumps(contract.each_string(recording.answer, contract.protect)).encode()
    call = WIRE.parse(recording.body)
    answer = WIRE.read(upstream, call)
    assert answer.usage is not None
    usage = [answer.usage.input, answer.usage.output, answer.usage.cached, answer.usage.reasoning]
    assert usage == recording.usage
    body = WIRE.write(answer, restorers=contract.PLACEHOLDERS, hosts=frozenset({"example.org"}), stamp=lambda _: mark)
    tree = json.loads(body)
    if mark is not None:
        assert tree.pop("ai_label") == {"schema": "urn:x"}
        assert body.decode().count("Met AI gemaakt.") == (1 if recording.name != "tools" else 0)
    else:
        assert tree == recording.answer
    if recording.strict:
        ANSWER.validate_python(tree)


def client_view(recording: Recording, data: bytes) -> dict[Any, Any]:
    chunks = contract.chunks_of(data)
    assert all(
        chunk["choices"] and all("delta" in c for c in chunk["choices"]) for chunk in chunks if "usage" not in chunk
    )
    if recording.strict:
        state = ChatCompletionStreamState()
        for chunk in chunks:
            CHUNK.validate_python(chunk)
            state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    for chunk in chunks:
        assert not any(placeholder in json.dumps(chunk) for placeholder in contract.VALUES)
    return contract.accumulate(chunks)


@every
def test_a_stream_split_at_every_character_of_its_texts_is_restored(recording: Recording) -> None:
    call = WIRE.parse(recording.body)
    expected = contract.accumulate(recording.stream)
    longest = max(len(text) for chunk in recording.stream for c in chunk["choices"] for _, text in contract.texts(c))
    for cut in (None, *range(longest + 1)):
        data = contract.sse(contract.upstream_chunks(recording, cut))
        out, stream = contract.play(WIRE, call, [data])
        assert client_view(recording, out) == expected
        assert stream.done


@every
def test_a_stream_split_at_every_byte_is_restored(recording: Recording) -> None:
    call = WIRE.parse(recording.body)
    data = contract.sse(contract.upstream_chunks(recording, 9), end="\r\n")
    expected, _ = contract.play(WIRE, call, [data])
    bytewise, _ = contract.play(WIRE, call, [data[i : i + 1] for i in range(len(data))])
    assert bytewise == expected
    for cut in range(len(data)):
        assert contract.play(WIRE, call, [data[:cut], data[cut:]])[0] == expected


@every
def test_the_usage_chunk_reaches_only_clients_that_asked(recording: Recording) -> None:
    for asks in (False, True):
        request = {**recording.request, "stream": True, "stream_options": {"include_usage": asks}}
        call = WIRE.parse(json.dumps(request).encode())
        out, stream = contract.play(WIRE, call, [contract.sse(recording.stream)])
        empty = [chunk for chunk in contract.chunks_of(out) if not chunk["choices"]]
        assert len(empty) == (asks and recording.name == "basic")
        used = stream.usage
        if used is not None:
            assert [used.input, used.output, used.cached, used.reasoning] == recording.usage


@every
def test_the_label_is_on_each_finish_chunk_and_the_sentence_before_the_first(recording: Recording) -> None:
    call = WIRE.parse(recording.body)
    asked: list[AnswerFacts] = []

    def stamp(facts: AnswerFacts) -> Stamp:
        asked.append(facts)
        return MARK

    out, stream = contract.play(WIRE, call, [contract.sse(contract.upstream_chunks(recording, None))], stamp)
    chunks = contract.chunks_of(out)
    finishing = [c["choices"][0].get("finish_reason") is not None for c in chunks if c["choices"]]
    labelled = ["ai_label" in c for c in chunks if c["choices"]]
    assert finishing == labelled
    assert len(asked) == 1
    assert asked[0].finish_reasons[0] == stream.facts.finish_reasons[0]
    expected = contract.accumulate(recording.stream)
    expected[0, "content"] = expected.get((0, "content"), "") + "\n\nMet AI gemaakt."
    assert contract.accumulate(chunks) == expected
    if recording.strict:
        for chunk in chunks:
            CHUNK.validate_python(chunk)


FIRST = next(iter(contract.VALUES))
words = st.lists(
    st.sampled_from([*contract.VALUES, FIRST[:4], FIRST[:11], FIRST[5:], "tekst ", "é", "😀", "\u2028", " ", "H", "("]),
    max_size=12,
).map("".join)


@given(words, words, st.lists(st.integers(0, 60), max_size=8), st.booleans())
def test_any_text_in_any_pieces_is_restored_like_the_whole(one: str, two: str, cuts: list[int], together: bool) -> None:
    """Two texts of one choice; a stream says what a JSON answer would have said."""
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    edges = sorted({0, 200, *cuts})
    pieces = [({"reasoning": one[a:b]}, {"content": two[a:b]}) for a, b in pairwise(edges)]
    texts = [{**a, **b} for a, b in pieces] if together else [*(a for a, _ in pieces), *(b for _, b in pieces)]
    chunks: list[dict[str, Any]] = [{**head, "choices": [{"index": 0, "delta": delta}]} for delta in texts]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    call = WIRE.parse(b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}')
    out, _ = contract.play(WIRE, call, [contract.sse(chunks)])
    whole = {(0, "reasoning"): one, (0, "content"): two}
    expected = {path: contract.PLACEHOLDERS.restore(text) for path, text in whole.items() if text}
    assert contract.accumulate(contract.chunks_of(out)) == {**expected, (0, "finish_reason"): "stop"}
