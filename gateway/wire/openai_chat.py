"""OpenAI chat completions (`/v1/chat/completions`), JSON and server-sent events.

The shape of requests stands in `openai_chat_shape`, answers in `openai_chat_answer`, streams in `openai_chat_stream`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from filters.findings import Path, Slot
from filters.slots import SlotError, replace, walk
from gateway.errors import BadRequest, GatewayError
from gateway.sse import encode_data
from gateway.wire import Answer, AnswerStream, Call, Restorers, Send, Stamper, refusals
from gateway.wire import openai_chat_answer as answers
from gateway.wire.openai_chat_shape import MODEL, REFUSED_FIELDS, REQUEST, json_mode, unscannable
from gateway.wire.openai_chat_stream import DONE, ChatStream
from gateway.wire.openai_errors import error_body
from gateway.wire.restoring import Restorer

MAX_CHOICES = 128
_TOOL_TYPE = re.compile(r"tools\[\d+\]\.type")


def _field(name: str) -> BadRequest:
    """`name` is a name of our own layout, with indexes; never a client's text."""
    return BadRequest(refusals.INVALID_FIELD, params={"field": name}, param=name)


class OpenAIChat:
    """The wire format; it holds no state."""

    name = "openai_chat"
    operation = "chat"
    upstream_path = "/chat/completions"

    def matches(self, method: str, path: str) -> bool:
        return method == "POST" and path == "/v1/chat/completions"

    def parse(self, body: bytes) -> Call:
        """Strict JSON to Call. Raises BadRequest. The size is checked before."""
        try:
            tree = orjson.loads(body)
        except ValueError:
            raise BadRequest(refusals.INVALID_JSON) from None
        if not isinstance(tree, dict):
            raise BadRequest(refusals.INVALID_JSON)
        _refused(tree)
        _messages(tree)
        model = tree.get("model")
        if not isinstance(model, str) or not MODEL.fullmatch(model):
            raise _field("model")
        options = tree.get("stream_options")
        if options is not None and not isinstance(options, dict):
            raise _field("stream_options")
        choices = tree.get("n")
        if choices is not None and not (type(choices) is int and 1 <= choices <= MAX_CHOICES):
            raise _field("n")
        return Call(
            tree,
            model,
            stream=_flag(tree, "stream", "stream"),
            wants_usage=_flag(options or {}, "include_usage", "stream_options.include_usage"),
            json_mode=json_mode(tree),
            logprobs=_flag(tree, "logprobs", "logprobs"),
            choices=choices or 1,
            unscannable=unscannable(tree),
        )

    def slots(self, call: Call) -> list[Slot]:
        """Every place that holds text, keys and numbers too. Raises BadRequest where a structural place is off."""
        try:
            return walk(call.tree, REQUEST)
        except SlotError as error:
            code, place = error.code, error.place
        if code in ("too_deep", "too_many"):
            raise BadRequest(refusals.TOO_COMPLEX)
        place = place or "body"
        if code == "number_too_large":
            raise BadRequest(refusals.NUMBER_TOO_LARGE, params={"field": place}, param=place)
        if _TOOL_TYPE.fullmatch(place):
            raise BadRequest(refusals.SERVER_SIDE_TOOL, params={"field": place}, param=place)
        raise _field(place)

    def rewrite(self, call: Call, texts: Mapping[Path, str]) -> None:
        replace(call.tree, texts)

    def encode(self, call: Call, send: Send) -> bytes:
        """The body as it goes upstream: the tree, the upstream's model name, and what policy adds."""
        tree = {**call.tree, "model": send.model}
        if call.stream and send.include_usage:
            tree["stream_options"] = {**(tree.get("stream_options") or {}), "include_usage": True}
        if send.store_false:
            tree["store"] = False
        return orjson.dumps(tree)

    def read(self, body: bytes, call: Call) -> Answer:
        return answers.read(body, call)

    def write(self, answer: Answer, *, restorers: Restorers | None, hosts: frozenset[str], stamp: Stamper) -> bytes:
        """Restore, stamp and encode. Raises UpstreamError."""
        return answers.write(answer, _restorer(restorers, hosts, json_mode=answer.facts.json_mode), stamp)

    def stream(self, call: Call, *, restorers: Restorers | None, hosts: frozenset[str], stamp: Stamper) -> AnswerStream:
        return ChatStream(call, _restorer(restorers, hosts, json_mode=call.json_mode), stamp)

    def error(self, error: GatewayError, language: str, *, reference: str, details: Mapping[str, Any]) -> bytes:
        return error_body(error, language, reference=reference, details=details)

    def notice(self, call: Call, text: str, *, reference: str, created: int) -> Sequence[bytes]:
        """A completion whose content is the notice; langroid #658: never `content_filter` with empty content."""
        head = {"id": f"chatcmpl-{reference}", "created": created, "model": call.model}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        message = {"role": "assistant", "content": text, "refusal": None}
        end = {"index": 0, "logprobs": None, "finish_reason": "content_filter"}
        if not call.stream:
            body = {**head, "object": "chat.completion", "choices": [{**end, "message": message}], "usage": usage}
            return [orjson.dumps(body)]
        head["object"] = "chat.completion.chunk"
        chunks: list[dict[str, Any]] = [
            {**head, "choices": [{**end, "delta": message, "finish_reason": None}]},
            {**head, "choices": [{**end, "delta": {}}]},
        ]
        if call.wants_usage:
            chunks.append({**head, "choices": [], "usage": usage})
        return [*(encode_data(orjson.dumps(chunk)) for chunk in chunks), DONE]

    def strip(self, call: Call, clean: Callable[[str], str]) -> None:
        """Remove the gateway's own visible sentence from assistant messages, before they are scanned."""
        for message in call.tree["messages"]:
            if message.get("role") != "assistant":
                continue
            parts = message.get("content")
            if isinstance(parts, str):
                message["content"] = clean(parts)
            for index, part in enumerate(parts if isinstance(parts, list) else ()):
                if isinstance(part, str):
                    parts[index] = clean(part)
                elif isinstance(part.get("text"), str):
                    part["text"] = clean(part["text"])


def _restorer(restorers: Restorers | None, hosts: frozenset[str], *, json_mode: bool) -> Restorer | None:
    return None if restorers is None else Restorer(restorers, hosts, json_mode=json_mode)


def _flag(holder: Mapping[str, Any], name: str, place: str) -> bool:
    value = holder.get(name)
    if value is not None and not isinstance(value, bool):
        raise _field(place)
    return bool(value)


def _messages(tree: dict[str, Any]) -> None:
    """Types that the road relies on."""
    messages = tree.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _field("messages")
    for index, message in enumerate(messages):
        if type(message) is not dict or type(message.get("role")) is not str:
            raise _field(f"messages[{index}]")
        content = message.get("content")
        parts = content if type(content) is list else ()
        if not (content is None or type(content) in (str, list)) or not all(type(p) in (dict, str) for p in parts):
            raise _field(f"messages[{index}].content")


def _refused(tree: dict[str, Any]) -> None:
    for name in REFUSED_FIELDS.keys() & tree.keys():
        if tree[name] not in (None, False, "", [], {}):
            raise BadRequest(REFUSED_FIELDS[name], params={"field": name}, param=name)
    if _flag(tree, "store", "store"):
        raise BadRequest(refusals.STORE_REFUSED, param="store")
    modalities = tree.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise BadRequest(refusals.AUDIO_ANSWER, param="modalities")
