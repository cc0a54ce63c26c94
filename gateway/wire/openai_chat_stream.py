"""Streamed chat completions: upstream events in, client bytes out.

What a restorer holds is flushed before the event that closes its text.
An event that needs no change is sent as it came.
"""

from typing import Any

from gateway.errors import Blocked, GatewayError, UpstreamError
from gateway.exchange import AnswerFacts, Stamp, Usage
from gateway.sse import SseEvent, encode, encode_data
from gateway.wire import Call, Stamper
from gateway.wire.openai_chat_answer import (
    CHOICE,
    FENCE,
    HEAD,
    TOP,
    code_only,
    finish_word,
    loads,
    model_word,
    usage_of,
)
from gateway.wire.openai_errors import error_object, message
from gateway.wire.refusals import UPSTREAM_INCOMPLETE
from gateway.wire.restoring import Channels, Restorer, dumps, upstream_invalid

DONE = b"data: [DONE]\n\n"
MAX_CHOICES = 128
_CHOICE = CHOICE | {"delta"}
_KEEP_ALIVE = encode(SseEvent())


class _Choice:
    """What was seen of one choice."""

    __slots__ = ("channels", "fenced", "finish", "tools")

    def __init__(self, restorer: Restorer | None) -> None:
        self.channels = Channels(restorer) if restorer is not None else None
        self.finish: str | None = None
        self.tools = False
        self.fenced: list[str] | None = []  # the content, as long as it may be one fenced block

    def see(self, content: Any) -> int:
        """Characters of a piece of content; anything but a string is no fenced block."""
        if not isinstance(content, str):
            self.fenced = None
            return 0
        if self.fenced is not None:
            self.fenced.append(content)
            start = "".join(self.fenced[: len(FENCE)]).lstrip()[: len(FENCE)]
            if len(self.fenced) <= len(FENCE) and not FENCE.startswith(start):
                self.fenced = None
        return len(content)

    def flush(self) -> list[dict[str, Any]]:
        return self.channels.flush() if self.channels is not None else []


class ChatStream:
    """See `gateway.wire.AnswerStream`. `feed` raises UpstreamError too; the stream then ends with `failure`."""

    def __init__(self, call: Call, restorer: Restorer | None, stamp: Stamper) -> None:
        self.usage: Usage | None = None
        self.facts = AnswerFacts(choices=call.choices, json_mode=call.json_mode, logprobs=call.logprobs, stream=True)
        self.done = False
        self._call = call
        self._restorer = restorer
        self._stamp = stamp
        self._stamped: Stamp | None = None
        self._asked = False  # the stamper is called once
        self._choices: dict[int, _Choice] = {}
        self._characters = 0
        self._head: dict[str, Any] = {"id": "chatcmpl-sluis", "created": 0, "model": call.model}

    def __repr__(self) -> str:
        return f"ChatStream(choices={len(self._choices)}, done={self.done})"

    def opening(self, comment: str) -> bytes:
        """The first bytes: an SSE comment, which every client ignores (standards §1.4)."""
        return encode(SseEvent(comment=comment))

    def feed(self, event: SseEvent) -> bytes:
        """What may be sent now. Raises UpstreamError."""
        data = event.data
        if self.done:
            return b""
        if not data:
            return _KEEP_ALIVE  # a comment of the upstream: its words stay here
        if data.startswith("[DONE]"):
            return self._end(marked=True)
        tree = loads(data)
        usage = tree.get("usage")
        if usage is not None:
            self.usage = usage_of(tree) or self.usage
        choices = tree.get("choices")
        if choices:
            return self._chunk(tree, choices, data)
        if event.event == "error":
            raise upstream_invalid()
        # Usage, or a vendor's annotation. Empty choices break naive clients (standards §1.4).
        if usage is None or not self._call.wants_usage:
            return b""
        return encode_data(dumps({**tree, "choices": []}))

    def finish(self) -> bytes:
        """The upstream ended. Raises UpstreamError when a choice had not."""
        return b"" if self.done else self._end(marked=False)

    def failure(self, error: GatewayError, language: str, *, reference: str = "") -> bytes:
        """End a stream that already began (peers §5). What restorers hold is dropped."""
        if self.done:
            return b""
        self.done = True
        if not isinstance(error, Blocked):
            body = error_object(error, language, reference=reference, details={})
            return encode_data(dumps({"error": body})) + DONE
        text = message(error, language, reference)
        parts: list[bytes] = []
        if not self._choices:
            self._choices[0] = _Choice(None)
        for index, state in self._choices.items():
            if state.finish is None:
                state.finish = "content_filter"
                parts.append(self._extra(index, {"content": f"\n\n{text}" if self._characters else text}))
                parts.append(self._extra(index, {}, finish="content_filter"))
        self._settle()
        return b"".join(parts) + DONE

    def _chunk(self, tree: dict[str, Any], choices: Any, data: str) -> bytes:
        if not isinstance(choices, list):
            raise upstream_invalid()
        if not self._choices:
            self._head = {name: tree[name] for name in HEAD if name in tree}
        # Line breaks in the data are white space of the JSON; they would cut the event in two.
        changed = "\n" in data or "\r" in data
        if self._restorer is not None and not tree.keys() <= TOP:
            changed |= self._restorer.members(tree, TOP)
        before: list[bytes] = []
        held = True
        for choice in choices:
            edited, empty = self._choice(tree, choice, before)
            changed |= edited
            held &= empty
        if held:
            return b"".join(before)
        body = encode_data(dumps(tree) if changed else data.encode())
        return b"".join((*before, body)) if before else body

    def _choice(self, tree: dict[str, Any], choice: Any, before: list[bytes]) -> tuple[bool, bool]:
        """Restore one choice of a chunk in place. Returns whether it changed, and whether nothing is left of it."""
        if not isinstance(choice, dict):
            raise upstream_invalid()
        changed = False
        if self._restorer is not None and not choice.keys() <= _CHOICE:
            changed = self._restorer.members(choice, _CHOICE)
        delta = choice.get("delta")
        if delta is None:
            delta = choice["delta"] = {}  # LangChain breaks on a chunk without one (peers §5)
            changed = True
        elif not isinstance(delta, dict):
            raise upstream_invalid()
        index = choice.get("index", 0)
        state = self._choices.get(index) if type(index) is int else None
        if state is None:
            state = self._open(index)
        if content := delta.get("content"):
            self._characters += state.see(content)
        if delta.get("tool_calls") or delta.get("function_call"):
            state.tools = True
        edited = False
        if state.channels is not None and delta:
            edited, ended = state.channels.feed(delta)
            before.extend(self._extra(index, tail) for tail in ended)
        if choice.get("finish_reason") is not None:
            return self._close(tree, choice, state, before) or edited or changed, False
        empty = edited and len(delta) == 1 and "" in delta.values() and not choice.get("logprobs")
        return edited or changed, empty

    def _open(self, index: Any) -> _Choice:
        if type(index) is not int or len(self._choices) >= MAX_CHOICES:
            raise upstream_invalid()
        state = self._choices[index] = _Choice(self._restorer)
        return state

    def _close(self, tree: dict[str, Any], choice: dict[str, Any], state: _Choice, before: list[bytes]) -> bool:
        """The chunk that carries a finish reason: held text and the visible sentence go before it, the label on it."""
        index = choice.get("index", 0)
        first = state.finish is None  # some servers repeat it on their usage chunk
        state.finish = finish_word(choice["finish_reason"])
        self._settle()
        if not self._asked:
            self._asked = True
            self._stamped = self._stamp(self.facts)
        mark = self._stamped
        tails = state.flush()
        if mark is not None and mark.sentence and index == 0 and first:
            tails.append({"content": mark.sentence})
        if tails:
            if choice["delta"]:
                before.append(self._extra(index, choice["delta"], logprobs=choice.pop("logprobs", None)))
            before.extend(self._extra(index, tail) for tail in tails)
            choice["delta"] = {}
        if mark is not None:
            tree["ai_label"] = dict(mark.ai_label)
        return bool(tails) or mark is not None

    def _end(self, *, marked: bool) -> bytes:
        """Without a finish reason the answer was cut, and no client would notice (measured.md).

        A server that gives no finish reason to any choice ends its answer by the end mark alone; the label then goes
        on a chunk of its own before it.
        """
        open_ones = [state for state in self._choices.values() if state.finish is None]
        if not self._choices or (open_ones and not (marked and len(open_ones) == len(self._choices))):
            raise UpstreamError(UPSTREAM_INCOMPLETE)
        rest = [self._extra(index, tail) for index, state in self._choices.items() for tail in state.flush()]
        self._settle()
        if open_ones and (mark := self._stamp(self.facts)) is not None:
            rest.append(self._extra(min(self._choices), {}, label=dict(mark.ai_label)))
        self.done = True
        return b"".join((*rest, DONE))

    def _extra(
        self,
        index: int,
        delta: dict[str, Any],
        *,
        finish: str | None = None,
        logprobs: Any = None,
        label: dict[str, Any] | None = None,
    ) -> bytes:
        """A chunk of ours, in the shape of this stream's own."""
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": [choice]}
        return encode_data(dumps({**chunk, "ai_label": label} if label else chunk))

    def _settle(self) -> None:
        states = [self._choices[index] for index in sorted(self._choices)]
        self.facts = AnswerFacts(
            finish_reasons=tuple(state.finish for state in states if state.finish is not None),
            choices=len(states),
            has_tool_calls=any(state.tools for state in states),
            code_only=all(state.fenced is not None and code_only("".join(state.fenced)) for state in states),
            characters=self._characters,
            json_mode=self._call.json_mode,
            logprobs=self._call.logprobs,
            stream=True,
            response_model=model_word(self._head.get("model")),
        )
