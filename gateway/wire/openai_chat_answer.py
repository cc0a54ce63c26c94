"""Complete chat completions answers: facts and usage read, every text restored, the label added."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.errors import UpstreamError
from gateway.exchange import AnswerFacts, Stamp, Usage
from gateway.wire import Answer, Call, Stamper
from gateway.wire.openai_chat_shape import MODEL
from gateway.wire.refusals import UPSTREAM_FAILED
from gateway.wire.restoring import Restorer, dumps, upstream_invalid

FINISH_REASONS = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call", "error"})
"""What may stand in a record; another word of an upstream is recorded as `other`."""
# Texts of an answer that the upstream's model did not write. `usage` holds numbers, `logprobs` holds tokens: a
# placeholder that is cut into tokens cannot be restored there and stays as it is.
HEAD = frozenset({"id", "object", "created", "model", "system_fingerprint", "service_tier"})
TOP = HEAD | {"choices", "usage", "obfuscation", "prompt_filter_results", "error"}
CHOICE = frozenset({"index", "finish_reason", "logprobs", "content_filter_results", "content_filter_offsets"})
FENCE = "```"
_LARGEST = 2**53


def loads(body: bytes | str) -> dict[str, Any]:
    """A JSON object of the upstream that reports no error. Raises UpstreamError."""
    try:
        tree = orjson.loads(body)
    except ValueError:
        raise upstream_invalid() from None
    if not isinstance(tree, dict):
        raise upstream_invalid()
    if tree.get("error"):
        raise UpstreamError(UPSTREAM_FAILED)
    return tree


def finish_word(reason: Any) -> str:
    return reason if isinstance(reason, str) and reason in FINISH_REASONS else "other"


def model_word(model: Any) -> str:
    return model if isinstance(model, str) and MODEL.fullmatch(model) else ""


def usage_of(tree: Mapping[str, Any]) -> Usage | None:
    """The token counts, or None. What is no sensible count counts as 0."""
    usage = tree.get("usage")
    if not isinstance(usage, dict):
        return None
    cached = _count(usage.get("prompt_tokens_details"), "cached_tokens") or _count(usage, "prompt_cache_hit_tokens")
    return Usage(
        input=_count(usage, "prompt_tokens"),
        output=_count(usage, "completion_tokens"),
        cached=cached,
        reasoning=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(holder: Any, name: str) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and 0 <= value < _LARGEST else 0


def code_only(text: str) -> bool:
    """A single fenced block and nothing else."""
    text = text.strip()
    return text.startswith(FENCE) and text.endswith(FENCE) and text.count(FENCE) == 2 and "\n" in text  # noqa: PLR2004 - one opens, one closes


def read(body: bytes, call: Call) -> Answer:
    """Raises UpstreamError when it is not an answer."""
    tree = loads(body)
    choices = tree.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise upstream_invalid()
    messages = [choice["message"] for choice in choices if isinstance(choice.get("message"), dict)]
    texts = [text for message in messages if (text := _content(message))]
    facts = AnswerFacts(
        finish_reasons=tuple(finish_word(choice.get("finish_reason")) for choice in choices),
        choices=len(choices),
        has_tool_calls=any(message.get("tool_calls") or message.get("function_call") for message in messages),
        code_only=bool(texts) and all(code_only(text) for text in texts),
        characters=sum(map(len, texts)),
        json_mode=call.json_mode,
        logprobs=call.logprobs,
        response_model=model_word(tree.get("model")),
    )
    return Answer(tree, facts, usage_of(tree))


def _content(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def write(answer: Answer, restorer: Restorer | None, stamp: Stamper) -> bytes:
    """The bytes for the client. Raises UpstreamError when the answer cannot be walked."""
    tree = answer.tree
    if restorer is not None:
        restorer.members(tree, TOP)
        for choice in tree["choices"]:
            restorer.members(choice, CHOICE)
    mark = stamp(answer.facts)
    if mark is not None:
        tree["ai_label"] = dict(mark.ai_label)
        if mark.sentence and tree["choices"]:
            _append(tree["choices"][0].get("message"), mark)
    return dumps(tree)


def _append(message: Any, mark: Stamp) -> None:
    """The visible sentence goes at the end; it brings its own separator."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str) and content:
        message["content"] = content + (mark.sentence or "")
    elif isinstance(content, list) and content:
        content.append({"type": "text", "text": mark.sentence})
