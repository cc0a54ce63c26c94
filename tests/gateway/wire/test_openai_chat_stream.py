"""Streams: what is held, what is flushed, how they end, and what never goes on."""

import json
from typing import Any

import pytest

from gateway.errors import Blocked, UpstreamError, sentence
from gateway.exchange import AnswerFacts, Stamp, Usage
from gateway.sse import SseDecoder, SseEvent
from gateway.wire import AnswerStream, Stamper
from gateway.wire.openai_chat import OpenAIChat
from gateway.wire.openai_chat_stream import DONE, MAX_CHOICES
from gateway.wire.refusals import UPSTREAM_FAILED
from gateway.wire.restoring import MAX_CHANNELS, MAX_DEPTH
from tests.gateway.wire.contract import accumulate, no_stamp
from tests.gateway.wire.fakes import FakeRestorers

WIRE = OpenAIChat()
PERSON, VALUE = "QPERSX7KQ2MX9", "Jan Peeters"
VALUES = {PERSON: VALUE}
HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "gpt-4o"}
STOP = sentence("test_stop", "only in tests", nl="Gestopt.", fr="Arrêté.", de="Beendet.", en="Stopped.")


def opened(stamp: Stamper = no_stamp, *, plain: bool = False, **fields: Any) -> AnswerStream:
    request = {"model": "asked", "messages": [{"role": "user", "content": "x"}], "stream": True, **fields}
    restorers = None if plain else FakeRestorers(VALUES)
    return WIRE.stream(WIRE.parse(json.dumps(request).encode()), restorers=restorers, hosts=frozenset(), stamp=stamp)


def choice(delta: Any = None, index: Any = 0, finish: Any = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish, **fields}


def event(*choices: Any, **fields: Any) -> SseEvent:
    return SseEvent(json.dumps({**HEAD, "choices": list(choices), **fields}))


def read(data: bytes) -> list[Any]:
    return [json.loads(e.data) if e.data != "[DONE]" else "[DONE]" for e in SseDecoder().feed(data)]


def deltas(data: bytes) -> list[Any]:
    return [(c["delta"], c["finish_reason"]) for chunk in read(data) for c in chunk["choices"]]


FINISH = event(choice(finish="stop"))
END = SseEvent("[DONE]")


@pytest.mark.parametrize("plain", [False, True])
def test_an_event_that_needs_no_change_goes_on_as_it_came(plain: bool) -> None:
    stream = opened(plain=plain)
    for delta in (
        {"role": "assistant", "content": ""},
        {"content": "dag"},
        {"content": "é\u2028"},
        {},
        {"content": None},
    ):
        data = json.dumps({**HEAD, "choices": [choice(delta)], "usage": None}, ensure_ascii=False, indent=None)
        data = data.replace(", ", " ,  ")
        assert stream.feed(SseEvent(data)) == f"data: {data}\n\n".encode()


def test_line_breaks_of_the_json_do_not_cut_the_event() -> None:
    for data in (json.dumps({**HEAD, "choices": [choice({"content": "a"})]}, indent=1), '{"choices":\r[{"delta":{}}]}'):
        out = opened().feed(SseEvent(data))
        assert out.count(b"\n") == 2
        assert b"\r" not in out
        assert read(out) == [json.loads(data)]


def test_only_the_tail_that_may_be_a_placeholder_is_held() -> None:
    stream = opened()
    assert deltas(stream.feed(event(choice({"content": f"dag {PERSON[:4]}"})))) == [({"content": "dag "}, None)]
    assert stream.feed(event(choice({"content": PERSON[4:8]}))) == b""
    assert deltas(stream.feed(event(choice({"content": PERSON[8:] + "!"})))) == [({"content": f"{VALUE}!"}, None)]


def test_a_chunk_that_carries_more_than_held_text_is_not_dropped() -> None:
    logs: dict[str, Any] = {"content": []}
    cases = [
        choice({"role": "assistant", "content": PERSON[:4]}),
        choice({"content": PERSON[:4]}, logprobs=logs),
        choice({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "x", "arguments": PERSON[:4]}}]}),
    ]
    for case in cases:
        assert len(read(opened().feed(event(case)))) == 1
    both = read(opened().feed(event(choice({"content": PERSON[:4]}), choice({"content": "x"}, index=1))))
    assert [c["delta"] for c in both[0]["choices"]] == [{"content": ""}, {"content": "x"}]


def test_held_text_goes_before_the_finish_in_the_shape_of_the_stream() -> None:
    stream = opened()
    stream.feed(event(choice({"content": f"a{PERSON[:6]}"})))
    tail, finish = read(stream.feed(event(choice(finish="length"), service_tier="x")))
    assert tail == {
        **HEAD,
        "choices": [{"index": 0, "delta": {"content": PERSON[:6]}, "logprobs": None, "finish_reason": None}],
    }
    assert finish["choices"][0]["finish_reason"] == "length"
    assert stream.feed(END) == DONE


def test_text_on_the_finish_chunk_comes_first_with_its_logprobs() -> None:
    stream = opened()
    out = read(stream.feed(event(choice({"content": f"a{PERSON[:6]}"}, finish="stop", logprobs={"content": []}))))
    assert [(c["choices"][0]["delta"], c["choices"][0]["finish_reason"]) for c in out] == [
        ({"content": "a"}, None), ({"content": PERSON[:6]}, None), ({}, "stop"),
    ]  # fmt: skip
    assert [c["choices"][0].get("logprobs") for c in out] == [{"content": []}, None, None]


def test_text_after_the_finish_is_flushed_before_the_end() -> None:
    stream = opened()
    stream.feed(FINISH)
    assert stream.feed(event(choice({"content": PERSON[:6]}))) == b""
    out = read(stream.feed(END))
    assert (out[0]["choices"][0]["delta"], out[1]) == ({"content": PERSON[:6]}, "[DONE]")


def test_reasoning_is_flushed_when_the_answer_begins() -> None:
    stream = opened()
    stream.feed(event(choice({"reasoning_content": f"hm {PERSON[:5]}"})))
    out = stream.feed(event(choice({"content": "dag"})))
    assert deltas(out) == [({"reasoning_content": PERSON[:5]}, None), ({"content": "dag"}, None)]


def test_texts_that_come_side_by_side_are_each_whole() -> None:
    stream = opened()
    out = b"".join(stream.feed(event(choice({"reasoning": c, "content": c, "x": {"y": c}}))) for c in PERSON)
    out += stream.feed(FINISH)
    assert accumulate(read(out)) == {
        (0, "reasoning"): VALUE, (0, "content"): VALUE, (0, "x", "y"): VALUE, (0, "finish_reason"): "stop",
    }  # fmt: skip


def test_tool_calls_may_take_turns() -> None:
    stream = opened()
    out = b""
    for c in PERSON:
        for index in (0, 1):
            out += stream.feed(event(choice({"tool_calls": [{"index": index, "function": {"arguments": c}}]})))
    out += stream.feed(event(choice(finish="tool_calls")))
    assert accumulate(read(out))[0, "tool_calls", 0, "function", "arguments"] == VALUE
    assert accumulate(read(out))[0, "tool_calls", 1, "function", "arguments"] == VALUE
    assert stream.facts.has_tool_calls


def test_items_without_an_index_are_told_apart_by_their_id_or_place() -> None:
    stream = opened()
    for mark in ({"id": "a"}, {"id": "b"}, {}, {"index": None, "id": [1]}):
        stream.feed(
            event(choice({"tool_calls": [{**mark, "type": "function", "function": {"arguments": PERSON[:3]}}]}))
        )
    tails = [d for d, _ in deltas(stream.feed(FINISH))][:-1]
    assert len(tails) == 3
    assert tails[0] == {"tool_calls": [{"type": "function", "function": {"arguments": PERSON[:3]}}]}


def test_bare_strings_in_lists_are_restored_whole() -> None:
    assert deltas(opened().feed(event(choice({"tags": [f"x {PERSON}", 5, [PERSON]]})))) == [
        ({"tags": [f"x {VALUE}", 5, [VALUE]]}, None)
    ]
    assert deltas(opened().feed(event(choice({"tags": ["x", 5]})))) == [({"tags": ["x", 5]}, None)]


def test_names_and_types_are_no_texts() -> None:
    stream = opened()
    delta = {"role": "Q", "tool_calls": [{"index": 0, "id": "Q", "type": "Q", "function": {"name": "Q"}}]}
    assert deltas(stream.feed(event(choice(delta)))) == [(delta, None)]


@pytest.mark.parametrize(
    "data",
    [
        "hallo", "{", "[]", "null", "5", '{"choices":{"a":1}}', '{"choices":[5]}', '{"choices":[{"delta":5}]}',
        '{"choices":[{"index":"0","delta":{}}]}', '{"choices":[{"index":null,"delta":{}}]}',
        '{"choices":[{"index":true,"delta":{}}]}', " ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("plain", [False, True])
def test_what_cannot_be_read_ends_the_stream_and_never_goes_on(data: str, plain: bool) -> None:
    with pytest.raises(UpstreamError) as caught:
        opened(plain=plain).feed(SseEvent(data))
    assert caught.value.reason_code == "upstream_invalid"


@pytest.mark.parametrize("name", ["", "error"])
def test_an_error_of_the_upstream_ends_the_stream(name: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        opened().feed(SseEvent('{"error":{"message":"secret"}}', event=name))
    assert caught.value.reason_code == "upstream_failed"
    with pytest.raises(UpstreamError):
        opened().feed(SseEvent('{"message":"secret"}', event="error"))


@pytest.mark.parametrize(
    "item", [SseEvent('{"type":"ping"}', event="ping"), SseEvent('{"choices":[]}'), SseEvent("{}")]
)
def test_events_without_choices_are_dropped(item: SseEvent) -> None:
    assert opened().feed(item) == b""


def test_a_comment_becomes_a_comment_without_words() -> None:
    assert opened().feed(SseEvent(comment="QPERSX is processing")) == b":\n\n"


def test_a_name_that_an_upstream_gives_its_chunks_is_dropped() -> None:
    out = opened().feed(SseEvent(event(choice({"content": "a"})).data, event="completion", id="7"))
    assert out.startswith(b"data: ")
    assert out.count(b"\n") == 2


@pytest.mark.parametrize(
    ("events", "ends_well"),
    [
        ([], False),
        ([event(choice({"content": "a"})), event(choice({"content": "b"}, index=1)), FINISH], False),
        ([event(choice({"content": "a"})), FINISH], True),
        ([FINISH, event(usage={"prompt_tokens": 1})], True),
    ],
)
def test_a_stream_ends_well_only_when_every_choice_finished(events: list[SseEvent], ends_well: bool) -> None:
    for last in ("finish", "feed"):
        stream = opened()
        for item in events:
            stream.feed(item)
        if ends_well:
            assert (stream.finish() if last == "finish" else stream.feed(END)) == DONE
            assert stream.done
            assert (stream.finish(), stream.feed(FINISH), stream.failure(UpstreamError(STOP), "nl")) == (b"", b"", b"")
        else:
            with pytest.raises(UpstreamError) as caught:
                _ = stream.finish() if last == "finish" else stream.feed(END)
            assert caught.value.reason_code == "upstream_incomplete"
            assert not stream.done


def test_the_end_mark_ends_an_answer_of_a_server_that_gives_no_finish_reasons() -> None:
    stream = opened(stamp=lambda _: Stamp({"schema": "urn:x"}, "\n\nNever here."))
    stream.feed(event(choice({"content": f"a {PERSON[:5]}"})))
    with pytest.raises(UpstreamError):
        stream.finish()  # without the mark it was cut
    *chunks, end = read(stream.feed(END))
    assert end == "[DONE]"
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [{"content": PERSON[:5]}, {}]
    assert chunks[-1]["ai_label"] == {"schema": "urn:x"}
    assert stream.facts.finish_reasons == ()
    plain = opened()
    plain.feed(event(choice({"content": "a"})))
    assert plain.feed(END) == DONE


def test_a_failure_is_an_error_event_and_the_end() -> None:
    stream = opened()
    stream.feed(event(choice({"content": f"a{PERSON[:5]}"})))
    error, end = read(stream.failure(UpstreamError(UPSTREAM_FAILED), "fr", reference="r-1"))
    assert isinstance(error["error"]["message"], str)
    assert error["error"]["message"].endswith("Référence: r-1")
    assert end == "[DONE]"
    assert stream.done


def test_a_block_halfway_is_a_notice_and_a_finish_for_every_open_choice() -> None:
    stream = opened()
    stream.feed(event(choice({"content": f"a{PERSON[:5]}"}), choice({"content": "b"}, index=1)))
    stream.feed(event(choice(index=1, finish="stop")))
    out = stream.failure(Blocked(STOP), "nl")
    assert out.endswith(DONE)
    assert deltas(out.removesuffix(DONE)) == [({"content": "\n\nGestopt."}, None), ({}, "content_filter")]
    assert PERSON[:5].encode() not in out
    assert stream.facts.finish_reasons == ("content_filter", "stop")


def test_a_block_before_the_first_chunk() -> None:
    stream = opened()
    out = stream.failure(Blocked(STOP), "en", reference="r-2")
    assert deltas(out.removesuffix(DONE)) == [({"content": "Stopped. Reference: r-2"}, None), ({}, "content_filter")]
    assert read(out)[0]["model"] == "asked"


def test_usage_is_kept_from_any_chunk() -> None:
    stream = opened()
    stream.feed(event(choice({"content": "a"}), usage={"prompt_tokens": 1, "completion_tokens": 1}))
    stream.feed(event(choice({"content": "a"}), usage="x"))
    stream.feed(event(usage={"prompt_tokens": 1, "completion_tokens": 2}))
    assert stream.usage == Usage(1, 2)


def test_a_usage_chunk_without_choices_gets_an_empty_list() -> None:
    stream = opened(stream_options={"include_usage": True})
    (chunk,) = read(stream.feed(SseEvent('{"usage":{"prompt_tokens":1}}')))
    assert chunk == {"usage": {"prompt_tokens": 1}, "choices": []}


CODE = ["```", "py\n", "x = 1\n", "``", "`"]


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        (CODE, True),
        ([" \n", *CODE], True),
        (["`", "`", *CODE[0][2:], *CODE[1:]], True),
        (["Zo: ", *CODE], False),
        ([*CODE, "\nklaar"], False),
        (["` ", "x"], False),
        (["a"], False),
        ([["x"]], False),
        ([["x"], "```\nx```"], False),
        ([], False),
    ],
)
def test_the_facts_of_a_stream(pieces: list[Any], code: bool) -> None:
    stream = opened(logprobs=True, response_format={"type": "json_object"})
    assert (stream.facts.stream, stream.facts.choices, stream.facts.finish_reasons) == (True, 1, ())
    for piece in pieces:
        stream.feed(event(choice({"content": piece})))
    stream.feed(event(choice(finish="Jan Peeters")))
    characters = sum(len(piece) for piece in pieces if isinstance(piece, str))
    assert stream.facts == AnswerFacts(
        finish_reasons=("other",), choices=1, code_only=code, characters=characters, json_mode=True,
        logprobs=True, stream=True, response_model="gpt-4o",
    )  # fmt: skip


def test_the_stamper_is_asked_once_and_the_sentence_said_once() -> None:
    asked: list[AnswerFacts] = []

    def stamp(facts: AnswerFacts) -> Stamp:
        asked.append(facts)
        return Stamp({"a": 1}, " AI")

    stream = opened(stamp)
    stream.feed(event(choice({"content": "a"}), choice({"content": "b"}, index=1)))
    out = stream.feed(event(choice(index=1, finish="stop"))) + stream.feed(FINISH) + stream.feed(FINISH)
    assert len(asked) == 1
    assert deltas(out) == [({}, "stop"), ({"content": " AI"}, None), ({}, "stop"), ({}, "stop")]
    assert ["ai_label" in chunk for chunk in read(out)] == [True, False, True, True]


@pytest.mark.parametrize("mark", [None, Stamp({"a": 1})])
def test_without_a_sentence_the_finish_chunk_is_one_event(mark: Stamp | None) -> None:
    stream = opened(lambda _: mark)
    (chunk,) = read(stream.feed(event(choice({"content": "a"}, finish="stop"))))
    assert chunk["choices"] == [choice({"content": "a"}, finish="stop")]
    assert ("ai_label" in chunk) is (mark is not None)


def test_vendor_fields_are_restored_beside_the_delta_too() -> None:
    stream = opened()
    (chunk,) = read(stream.feed(event(choice({"content": "a"}, note=f"x {PERSON}"), citations=[{"t": PERSON}, PERSON])))
    assert chunk["choices"][0]["note"] == f"x {VALUE}"
    assert chunk["citations"] == [{"t": VALUE}, VALUE]
    data = event(choice({"content": "a"}, note="x", more={"a": [1, None]}), citations=["y"]).data
    assert stream.feed(SseEvent(data)) == f"data: {data}\n\n".encode()


def nested(depth: int, leaf: str) -> str:
    return '{"a":' * depth + leaf + "}" * depth


@pytest.mark.parametrize("place", ['{"choices":[{"delta":%s}]}', '{"x":%s,"choices":[{}]}', '{"choices":[{"x":%s}]}'])
def test_what_is_nested_too_deeply_is_refused(place: str) -> None:
    with pytest.raises(UpstreamError):
        opened().feed(SseEvent(place % nested(MAX_DEPTH + 2, '"x"')))
    with pytest.raises(UpstreamError):
        opened().feed(SseEvent(place % ("{" + '"a":' + "[" * 400 + "]" * 400 + "}")))


def test_what_is_nested_too_deeply_to_write_is_refused_without_placeholders_too() -> None:
    data = '{"choices":[{"x":%s}]}' % ("[" * 400 + "]" * 400)  # no delta: the chunk must be written anew
    with pytest.raises(UpstreamError):
        opened(plain=True).feed(SseEvent(data))


def test_the_number_of_texts_and_choices_is_bounded() -> None:
    stream = opened()
    with pytest.raises(UpstreamError):
        stream.feed(event(choice({f"k{i}": "x" for i in range(MAX_CHANNELS + 1)})))
    with pytest.raises(UpstreamError):
        opened().feed(event(*(choice({}, index=i) for i in range(MAX_CHOICES + 1))))


def test_the_opening_is_a_comment() -> None:
    assert opened().opening("ai-generated record=1") == b": ai-generated record=1\n\n"


def test_the_repr_shows_no_text() -> None:
    stream = opened()
    stream.feed(event(choice({"content": f"geheim {PERSON[:4]}"})))
    assert repr(stream) == "ChatStream(choices=1, done=False)"
