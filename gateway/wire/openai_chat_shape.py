"""What stands where in a chat completions request: the closed places, the ids, and what is refused.

What is not named here is scanned and forwarded. Source: OpenAI's API description and openai-python 3.54's types.
"""

import re
from typing import Any

from filters.slots import Closed, Each, Fields, Ident, Json, Payload, Spec, Text


def _one_of(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in words))


MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_TYPE_WORD = _one_of("function", "custom")
_ID = Ident(re.compile(r"[A-Za-z0-9_.:|/+=~-]{1,512}"))
_NAME = Text(atom=True)
_TEXT = Text()

SCANNED_PARTS = frozenset({"text", "refusal", "thinking"})
"""Kinds of content parts that are all text. Any other kind is listed as unscannable."""
KNOWN_PARTS = frozenset({"image_url", "input_audio", "file", "video_url", "audio_url", "document_url", "input_image"})

_BYTES = Fields({}, rest=Payload(), text=Payload())
_PART = Fields(
    {
        "type": Closed(_one_of(*sorted(SCANNED_PARTS | KNOWN_PARTS)), strict=False),
        "text": _TEXT,
        "refusal": _TEXT,
        "image_url": Fields(
            {"url": Payload(), "detail": Closed(_one_of("auto", "low", "high", "original"), strict=False)},
            text=Payload(),
        ),
        "input_audio": Fields({"data": Payload(), "format": Closed(_one_of("wav", "mp3"), strict=False)}),
        "file": Fields({"file_data": Payload(), "file_id": _NAME, "filename": _TEXT}),
        "video_url": _BYTES,
        "audio_url": _BYTES,
        "document_url": _BYTES,
    }
)
_CONTENT = Each(_PART)
_FUNCTION_CALLED = Fields({"name": _NAME, "arguments": Json()})
_TOOL_CALL = Fields(
    {
        "id": _ID,
        "type": Closed(_TYPE_WORD),
        "index": _NAME,
        "function": _FUNCTION_CALLED,
        "custom": Fields({"name": _NAME, "input": _TEXT}),
    }
)
_MESSAGE = Fields(
    {
        "role": Closed(_one_of("system", "developer", "user", "assistant", "tool", "function")),
        "content": _CONTENT,
        "name": _TEXT,
        "refusal": _TEXT,
        "reasoning_content": _TEXT,
        "reasoning": _TEXT,
        "tool_call_id": _ID,
        "tool_calls": Each(_TOOL_CALL),
        "function_call": _FUNCTION_CALLED,
        "audio": Fields({"id": _ID}),
    }
)


def _schema() -> Spec:
    """A JSON Schema: its keywords are structural, its property names are keys that are scanned, all values are text."""
    known: dict[str, Spec] = {}
    schema = Fields(known)
    by_name = Fields({}, rest=schema)
    schemas = Each(schema)
    word = Closed(_one_of("string", "number", "integer", "boolean", "object", "array", "null"), strict=False)
    known.update(dict.fromkeys(("title", "description", "default", "examples", "enum", "const", "example"), _TEXT))
    known.update(
        dict.fromkeys(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"), by_name)
    )
    known.update(dict.fromkeys(("items", "additionalProperties", "not", "if", "then", "else", "contains"), schema))
    known.update(dict.fromkeys(("anyOf", "allOf", "oneOf", "prefixItems"), schemas))
    known.update(dict.fromkeys(("$ref", "$schema", "$id", "$comment", "format", "pattern", "required"), _NAME))
    known.update(dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NAME))
    known.update(dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "nullable"), _NAME))
    known["type"] = word
    return schema


_SCHEMA = _schema()
_FUNCTION = Fields({"name": _NAME, "description": _TEXT, "parameters": _SCHEMA, "strict": _NAME})
_TOOL = Fields(
    {
        "type": Closed(_TYPE_WORD),
        "function": _FUNCTION,
        "custom": Fields({"name": _NAME, "description": _TEXT, "format": _TEXT}),
    }
)
_NAMED = Fields({"name": _NAME})
_CHOSEN = Fields({"type": Closed(_TYPE_WORD), "function": _NAMED, "custom": _NAMED})
_TOOL_CHOICE = Fields(
    {
        "type": Closed(_one_of("function", "custom", "allowed_tools")),
        "function": _NAMED,
        "custom": _NAMED,
        "allowed_tools": Fields({"mode": Closed(_one_of("auto", "required")), "tools": Each(_CHOSEN)}),
    },
    text=Closed(_one_of("none", "auto", "required", "any")),
)
_RESPONSE_FORMAT = Fields(
    {
        "type": Closed(_one_of("text", "json_object", "json_schema", "grammar", "regex", "json")),
        "json_schema": Fields({"name": _NAME, "description": _TEXT, "schema": _SCHEMA, "strict": _NAME}),
        "schema": _SCHEMA,
    }
)
_NUMBERS = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed", "n", "frequency_penalty", "presence_penalty",
    "top_logprobs", "top_k", "min_p", "stream", "store", "logprobs", "parallel_tool_calls",
)  # fmt: skip

REQUEST = Fields(
    {
        "model": Closed(MODEL),
        "messages": Each(_MESSAGE, turns=True),
        "tools": Each(_TOOL),
        "functions": Each(_FUNCTION),
        "tool_choice": _TOOL_CHOICE,
        "function_call": Fields({"name": _NAME}, text=Closed(_one_of("none", "auto"))),
        "response_format": _RESPONSE_FORMAT,
        "prediction": Fields({"type": Closed(_one_of("content")), "content": _CONTENT}),
        "stream_options": Fields({"include_usage": _NAME, "include_obfuscation": _NAME}),
        "modalities": Each(Closed(_one_of("text"))),
        # New words come often; one that is not listed is scanned as an atom.
        "service_tier": Closed(_one_of("auto", "default", "flex", "scale", "priority", "fast"), strict=False),
        "reasoning_effort": Closed(_one_of("none", "minimal", "low", "medium", "high", "xhigh", "max"), strict=False),
        "verbosity": Closed(_one_of("low", "medium", "high"), strict=False),
        "prompt_cache_retention": Closed(_one_of("in_memory", "in-memory", "24h"), strict=False),
        "stop": _TEXT,
        "user": _TEXT,
        "safety_identifier": _TEXT,
        "prompt_cache_key": _TEXT,
        "metadata": _TEXT,
        "logit_bias": _TEXT,
        **dict.fromkeys(_NUMBERS, _NAME),
    }
)

REFUSED_FIELDS: dict[str, str] = {
    # They let the service fetch or search on its own, or keep what it saw.
    **dict.fromkeys(
        ("web_search_options", "search_parameters", "enable_search", "data_sources", "plugins", "mcp_servers"),
        "server_side_tool",
    ),
    # They would choose another model or service than policy did (OpenRouter, LiteLLM and kin).
    **dict.fromkeys(
        ("models", "route", "provider", "fallbacks", "api_base", "base_url", "api_key", "api_version", "extra_headers",
         "custom_llm_provider", "extra_body", "guardrails", "guardrail_config"),
        "routing_field",
    ),
    "audio": "audio_answer",
}  # fmt: skip
"""Top-level fields that are refused, with the reason code, unless null, false or empty."""

_JSON_TYPES = ("json_object", "json_schema", "json", "grammar", "regex")
_JSON_FIELDS = (
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "format",
    "grammar",
)


def json_mode(tree: dict[str, Any]) -> bool:
    """Whether the answer must be valid in a machine's format (promise 8), vendors' equivalents included."""
    wanted = tree.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    return kind in _JSON_TYPES or any(tree.get(name) for name in _JSON_FIELDS)


_PLAIN = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})
_ATTACHED = ("images", "files", "documents", "videos", "audios", "audio")


def unscannable(tree: dict[str, Any]) -> tuple[str, ...]:
    """The kinds of content parts that no text filter can read, in order of appearance, each once; from closed lists.

    A part counts by what it holds as well as by its type: some servers look at the one, some at the other.
    """
    kinds: dict[str, None] = {}
    for message in tree["messages"]:
        if not _PLAIN.issuperset(message):
            kinds.update(dict.fromkeys("attachment" for name in _ATTACHED if message.get(name)))
        content = message.get("content")
        if type(content) is list:
            _parts(content, kinds)
    prediction = tree.get("prediction")
    if type(prediction) is dict and type(prediction.get("content")) is list:
        _parts(prediction["content"], kinds)
    return tuple(kinds)


def _parts(parts: list[Any], kinds: dict[str, None]) -> None:
    for part in parts:
        if type(part) is dict:
            kinds.update(dict.fromkeys(name for name in part if name in KNOWN_PARTS))
            kind = part.get("type")
            if type(kind) is not str or kind not in SCANNED_PARTS:
                kinds[kind if type(kind) is str and kind in KNOWN_PARTS else "unknown_part"] = None
