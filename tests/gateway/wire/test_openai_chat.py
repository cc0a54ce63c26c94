"""Chat completions: what is refused, what is sent, and what clients are told."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.findings import SlotKind
from gateway.errors import LANGUAGES, TEXTS, BadRequest, Blocked, UpstreamError, sentence
from gateway.exchange import AnswerFacts, Stamp, Usage
from gateway.wire import Call, Send, refusals
from gateway.wire.openai_chat import OpenAIChat

WIRE = OpenAIChat()
USER = [{"role": "user", "content": "hallo"}]
BLOCK = sentence(
    "test_block",
    "only in tests",
    nl="Niet naar {tool}.",
    fr="Pas vers {tool}.",
    de="Nicht an {tool}.",
    en="Not to {tool}.",
)


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "messages": USER, **fields}).encode()


def parsed(**fields: Any) -> Call:
    return WIRE.parse(body(**fields))


def nothing(_: AnswerFacts) -> Stamp | None:
    return None


def marked(said: str | None) -> Callable[[AnswerFacts], Stamp]:
    return lambda _: Stamp({"a": 1}, said)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b'"x"', b"{", b'{"model": NaN}', b"{'a':1}", b'{"model":"m","messages":[],}', b'{"a":"\xff"}',
        b'{"a":"\\ud800"}', b"[" * 2000, b'{"a":1e999}', b"null",
    ],
)  # fmt: skip
def test_what_is_no_strict_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        WIRE.parse(raw)
    assert (caught.value.reason_code, caught.value.status) == ("invalid_json", 400)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": None}, "invalid_field", "messages"),
        ({"messages": []}, "invalid_field", "messages"),
        ({"messages": {}}, "invalid_field", "messages"),
        ({"messages": ["hallo"]}, "invalid_field", "messages[0]"),
        ({"messages": [*USER, {"content": "x"}]}, "invalid_field", "messages[1]"),
        ({"messages": [{"role": 5}]}, "invalid_field", "messages[0]"),
        ({"messages": [{"role": "user", "content": {"type": "text"}}]}, "invalid_field", "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid_field", "messages[0].content"),
        ({"messages": [{"role": "user", "content": [None]}]}, "invalid_field", "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["a", ["b"]]}]}, "invalid_field", "messages[0].content"),
        ({"model": None}, "invalid_field", "model"),
        ({"model": "a b"}, "invalid_field", "model"),
        ({"model": "m" * 201}, "invalid_field", "model"),
        ({"model": "m\n"}, "invalid_field", "model"),
        ({"stream": "yes"}, "invalid_field", "stream"),
        ({"logprobs": 1}, "invalid_field", "logprobs"),
        ({"stream_options": "x"}, "invalid_field", "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "invalid_field", "stream_options.include_usage"),
        ({"n": 0}, "invalid_field", "n"),
        ({"n": 129}, "invalid_field", "n"),
        ({"n": True}, "invalid_field", "n"),
        ({"n": 1.5}, "invalid_field", "n"),
        ({"store": True}, "store_refused", "store"),
        ({"store": "x"}, "invalid_field", "store"),
        ({"modalities": ["text", "audio"]}, "audio_answer", "modalities"),
        ({"audio": {"voice": "x", "format": "mp3"}}, "audio_answer", "audio"),
        ({"web_search_options": {"search_context_size": "low"}}, "server_side_tool", "web_search_options"),
        ({"plugins": [{"id": "web"}]}, "server_side_tool", "plugins"),
        ({"models": ["other"]}, "routing_field", "models"),
        ({"api_base": "https://example.org"}, "routing_field", "api_base"),
        ({"tools": [{"type": "web_search_preview"}]}, "server_side_tool", "tools[0].type"),
        ({"tools": [{"type": "function"}, {"type": "mcp"}]}, "server_side_tool", "tools[1].type"),
        ({"tool_choice": "Jan"}, "invalid_field", "tool_choice"),
        ({"tool_choice": {"type": "web"}}, "invalid_field", "tool_choice.type"),
        ({"response_format": {"type": "xml"}}, "invalid_field", "response_format.type"),
        ({"messages": [{"role": "tool", "tool_call_id": "Jan Peeters"}]}, "invalid_field", "messages[0].tool_call_id"),
        ({"messages": [{"role": "Jan"}]}, "invalid_field", "messages[0].role"),
        ({"seed": 10**25}, "number_too_large", "seed"),
        ({"x": {"y": 10**25}}, "number_too_large", "body"),
    ],
)
def test_what_is_refused_names_its_field_and_says_why_in_four_languages(
    fields: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        WIRE.slots(parsed(**fields))
    assert (caught.value.reason_code, caught.value.param) == (code, param)
    for language in LANGUAGES:
        assert "{" not in caught.value.message(language)


def test_too_deep_and_too_many() -> None:
    deep: Any = "x"
    for _ in range(150):
        deep = [deep]
    for fields in ({"x": deep}, {"x": [1] * 50_001}):
        with pytest.raises(BadRequest) as caught:
            WIRE.slots(parsed(**fields))
        assert caught.value.reason_code == "too_complex"


@pytest.mark.parametrize("empty", [None, False, "", [], {}])
def test_a_refused_field_that_says_nothing_passes(empty: Any) -> None:
    assert parsed(web_search_options=empty, audio=empty, models=empty, store=None).model == "m"


@pytest.mark.parametrize("code", [value for name, value in vars(refusals).items() if name.isupper()])
def test_every_refusal_has_its_sentence_in_four_languages(code: str) -> None:
    assert set(TEXTS[code]) == set(LANGUAGES)
    places = {frozenset(re.findall(r"{(\w+)}", text)) for text in TEXTS[code].values()}
    assert len(places) == 1


def test_what_the_road_asks_of_a_call() -> None:
    call = parsed(stream=True, stream_options={"include_usage": True}, n=3, logprobs=True)
    assert (call.stream, call.wants_usage, call.choices, call.logprobs, call.json_mode) == (True, True, 3, True, False)
    call = parsed(stream=None, stream_options=None, n=None)
    assert (call.stream, call.wants_usage, call.choices, call.unscannable) == (False, False, 1, ())


@pytest.mark.parametrize(
    ("fields", "json_mode"),
    [
        ({"response_format": {"type": "text"}}, False),
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": "json_object"}, False),
        ({"format": "json"}, True),
        ({"guided_json": {"type": "object"}}, True),
    ],
)
def test_json_mode_and_its_equivalents(fields: dict[str, Any], json_mode: bool) -> None:
    assert parsed(**fields).json_mode is json_mode


@pytest.mark.parametrize(
    ("part", "kinds"),
    [
        ({"type": "text", "text": "x"}, ()),
        ({"type": "text", "text": "x", "image_url": {"url": "data:,"}}, ("image_url",)),
        ({"type": ["text"]}, ("unknown_part",)),
        ({"type": 5}, ("unknown_part",)),
        ({"text": "x"}, ("unknown_part",)),
        ({"type": "Jan Peeters"}, ("unknown_part",)),
        ({"type": "video_url", "video_url": "https://example.org"}, ("video_url",)),
        ("x", ()),
    ],
)
def test_a_part_that_cannot_be_read_is_listed_by_its_kind(part: Any, kinds: tuple[str, ...]) -> None:
    assert parsed(messages=[{"role": "user", "content": [part]}]).unscannable == kinds
    assert parsed(prediction={"type": "content", "content": [part]}).unscannable == kinds


def test_a_number_of_a_person_in_an_id_is_seen() -> None:
    call = parsed(messages=[{"role": "tool", "tool_call_id": "call_999990019", "content": "x"}])
    assert [slot.text for slot in WIRE.slots(call) if slot.kind is SlotKind.ATOM] == ["call_999990019"]


def test_a_slot_knows_its_turn() -> None:
    call = parsed(messages=[*USER, {"role": "assistant", "content": "dag"}, *USER], user="u")
    assert [(slot.text, slot.turn) for slot in WIRE.slots(call)] == [("hallo", 0), ("dag", 1), ("hallo", 2), ("u", -1)]


@pytest.mark.parametrize(
    ("fields", "send", "expected"),
    [
        ({}, Send("up"), {}),
        ({"stream": True}, Send("up"), {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": True}, Send("up", include_usage=False), {"stream": True}),
        ({"stream": False}, Send("up"), {"stream": False}),
        ({"store": False}, Send("up", store_false=True), {"store": False}),
        ({}, Send("up", store_false=True), {"store": False}),
        (
            {"stream": True, "stream_options": {"include_usage": False, "include_obfuscation": False}},
            Send("up"),
            {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
        ),
    ],
)
def test_what_goes_up_is_the_tree_and_what_policy_adds(
    fields: dict[str, Any], send: Send, expected: dict[str, Any]
) -> None:
    call = parsed(**fields)
    before = json.dumps(call.tree)
    assert json.loads(WIRE.encode(call, send)) == {"model": "up", "messages": USER, **expected}
    assert json.dumps(call.tree) == before


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"choices":{}}',
        b'{"choices":[5]}',
        b'{"choices":[{"message":',
        b'{"choices":null}',
    ],
)
def test_what_is_no_answer_is_an_upstream_error(raw: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        WIRE.read(raw, parsed())
    assert caught.value.reason_code == "upstream_invalid"


def test_an_error_inside_an_answer() -> None:
    with pytest.raises(UpstreamError) as caught:
        WIRE.read(b'{"error":{"message":"secret"},"choices":[]}', parsed())
    assert caught.value.reason_code == "upstream_failed"
    assert "secret" not in repr(caught.value)


def test_an_answer_that_is_nested_too_deeply_is_an_upstream_error() -> None:
    deep = b'{"x":' + b"[" * 300 + b"]" * 300 + b',"choices":[]}'
    answer = WIRE.read(deep, parsed())
    with pytest.raises(UpstreamError):
        WIRE.write(answer, restorers=None, hosts=frozenset(), stamp=nothing)


def answer(message: Any, **fields: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}], **fields}).encode()


CODE = "```python\nx = 1\n```"


@pytest.mark.parametrize(
    ("message", "characters", "code", "tools"),
    [
        ({"content": "hallo"}, 5, False, False),
        ({"content": None}, 0, False, False),
        ({"content": 5}, 0, False, False),
        (None, 0, False, False),
        ({"content": f" {CODE}\n"}, len(CODE) + 2, True, False),
        ({"content": f"Zo: {CODE}"}, len(CODE) + 4, False, False),
        ({"content": f"{CODE}\n{CODE}"}, 2 * len(CODE) + 1, False, False),
        ({"content": "``````"}, 6, False, False),
        ({"content": [{"type": "text", "text": "ab"}, {"type": "x"}, "c"]}, 2, False, False),
        ({"content": "", "tool_calls": [{}]}, 0, False, True),
        ({"content": "", "function_call": {"name": "x"}}, 0, False, True),
    ],
)
def test_the_facts_of_an_answer(message: Any, characters: int, code: bool, tools: bool) -> None:
    facts = WIRE.read(answer(message, model="gpt-4o"), parsed()).facts
    assert facts == AnswerFacts(
        finish_reasons=("stop",), characters=characters, code_only=code, has_tool_calls=tools, response_model="gpt-4o"
    )


def test_an_upstreams_words_reach_no_record_unless_listed() -> None:
    raw = b'{"choices":[{"finish_reason":"Jan Peeters"},{"finish_reason":5}],"model":"Jan Peeters"}'
    facts = WIRE.read(raw, parsed()).facts
    assert (facts.finish_reasons, facts.response_model) == (("other", "other"), "")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ("x", None),
        ({}, Usage()),
        ({"prompt_tokens": 5, "completion_tokens": 7}, Usage(5, 7)),
        ({"prompt_tokens": -5, "completion_tokens": "7"}, Usage()),
        ({"prompt_tokens": True, "completion_tokens": 2**60}, Usage()),
        ({"prompt_tokens_details": None, "completion_tokens_details": {"reasoning_tokens": 2}}, Usage(reasoning=2)),
        ({"prompt_tokens_details": {"cached_tokens": 3}}, Usage(cached=3)),
        ({"prompt_cache_hit_tokens": 4}, Usage(cached=4)),
    ],
)
def test_usage(usage: Any, expected: Usage | None) -> None:
    assert WIRE.read(answer({}, usage=usage), parsed()).usage == expected


@pytest.mark.parametrize("message", [None, {}, {"content": None}, {"content": ""}, {"content": []}])
def test_the_sentence_is_never_an_answer_of_its_own(message: Any) -> None:
    read = WIRE.read(answer(message), parsed())
    out = WIRE.write(read, restorers=None, hosts=frozenset(), stamp=lambda _: Stamp({"a": 1}, "\n\nAI"))
    assert json.loads(out) == {**json.loads(answer(message)), "ai_label": {"a": 1}}


def test_a_label_without_choices_or_without_a_sentence() -> None:
    for sentence_ in ("AI", None):
        read = WIRE.read(b'{"choices":[]}', parsed())
        out = WIRE.write(read, restorers=None, hosts=frozenset(), stamp=marked(sentence_))
        assert json.loads(out) == {"choices": [], "ai_label": {"a": 1}}


def test_the_own_sentence_is_taken_out_of_assistant_messages_only() -> None:
    messages = [
        {"role": "user", "content": "x AI"},
        {"role": "assistant", "content": "x AI"},
        {"role": "assistant", "content": [{"type": "text", "text": "y AI"}, {"type": "z", "text": 5}, "w AI"]},
        {"role": "assistant", "content": None},
    ]
    call = parsed(messages=messages)
    WIRE.strip(call, lambda text: text.removesuffix(" AI"))
    contents = [message["content"] for message in call.tree["messages"]]
    assert contents == ["x AI", "x", [{"type": "text", "text": "y"}, {"type": "z", "text": 5}, "w"], None]


@given(st.binary(max_size=80))
def test_any_bytes_are_a_call_or_a_refusal(raw: bytes) -> None:
    try:
        call = WIRE.parse(raw)
    except BadRequest:
        return
    WIRE.slots(call)


# --- what the real client makes of it --------------------------------------------------------------------------------


class Server(HTTPServer):
    status = 200
    kind = "application/json"
    reply = b""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.server.status)
        self.send_header("content-type", self.server.kind)
        self.send_header("content-length", str(len(self.server.reply)))
        self.end_headers()
        self.wfile.write(self.server.reply)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    base = f"http://127.0.0.1:{server.server_port}/v1"
    with openai.OpenAI(api_key="x", base_url=base, max_retries=0) as made:
        yield made


DETAILS = {"categories": ["personal"], "kinds": ["IBAN_CODE"], "rule": "tool:m/personal", "tools": ["eigen-llm"]}


def test_a_block_reads_as_a_content_filter(server: Server, client: openai.OpenAI) -> None:
    error = Blocked(BLOCK, params={"tool": "m"})
    server.status, server.reply = 400, WIRE.error(error, "nl", reference="r-1", details=DETAILS)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    shown = caught.value
    assert (shown.code, shown.param, shown.type) == ("content_filter", "messages", "invalid_request_error")
    inner = json.loads(server.reply)["error"]
    assert inner["message"] == "Niet naar m. Referentie: r-1"
    assert inner["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    assert inner["innererror"]["content_filter_result"]["personal"] == {"filtered": True, "detected": True}
    assert inner["innererror"]["sluis"] == {"reference": "r-1", "reason_code": "test_block", **DETAILS}


def test_another_error_is_one_sentence_with_its_reference(server: Server, client: openai.OpenAI) -> None:
    error = BadRequest(refusals.INVALID_FIELD, params={"field": "n"}, param="n")
    server.status, server.reply = 400, WIRE.error(error, "xx", reference="r-2", details={})
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert (caught.value.code, caught.value.param) == ("invalid_field", "n")
    inner = json.loads(server.reply)["error"]
    assert inner["message"].startswith("The field n has a value")
    assert inner["message"].endswith("Reference: r-2")
    assert inner["sluis"] == {"reference": "r-2", "reason_code": "invalid_field"}


def test_the_reference_is_said_once() -> None:
    error = Blocked(BLOCK, params={"tool": "r-3"})
    assert json.loads(WIRE.error(error, "nl", reference="r-3", details={}))["error"]["message"] == "Niet naar r-3."
    assert json.loads(WIRE.error(error, "nl", reference="", details={}))["error"]["message"] == "Niet naar r-3."


@pytest.mark.parametrize("usage", [False, True])
def test_answer_mode_in_a_stream(server: Server, client: openai.OpenAI, usage: bool) -> None:
    call = parsed(stream=True, stream_options={"include_usage": usage})
    server.kind, server.reply = "text/event-stream", b"".join(WIRE.notice(call, "Mag niet.", reference="r", created=9))
    stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True)
    chunks = list(stream)
    assert [bool(chunk.choices) for chunk in chunks] == [True, True, *([False] if usage else [])]
    assert chunks[0].choices[0].delta.content == "Mag niet."
    assert chunks[1].choices[0].finish_reason == "content_filter"
    assert (chunks[0].id, chunks[0].created, chunks[0].model) == ("chatcmpl-r", 9, "m")


def test_answer_mode_as_json(server: Server, client: openai.OpenAI) -> None:
    (server.reply,) = WIRE.notice(parsed(), "Mag niet.", reference="r", created=9)
    answered = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert answered.choices[0].message.content == "Mag niet."
    assert answered.choices[0].finish_reason == "content_filter"
    assert answered.usage is not None
    assert answered.usage.total_tokens == 0


def test_a_failure_in_a_stream_raises_in_the_client(server: Server, client: openai.OpenAI) -> None:
    stream = WIRE.stream(parsed(stream=True), restorers=None, hosts=frozenset(), stamp=nothing)
    server.kind = "text/event-stream"
    server.reply = stream.opening("x") + stream.failure(UpstreamError(refusals.UPSTREAM_FAILED), "nl", reference="r-4")
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True))
    assert caught.value.message == TEXTS["upstream_failed"]["nl"] + " Referentie: r-4"
