"""Wire formats: request, response and stream layout on a path, one format a file.

The road calls these protocols only; adding a format is one file and a folder of recordings in `tests/wire/`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from filters.findings import Path, Slot
from gateway.errors import GatewayError
from gateway.exchange import AnswerFacts, Stamp, Usage
from gateway.sse import SseEvent


class TextRestorer(Protocol):
    """Puts values back into a stream of pieces; holds back only the tail that may still be part of a placeholder."""

    def feed(self, piece: str) -> str: ...

    def flush(self) -> str: ...


class Restorers(Protocol):
    """What a wire format needs of the request's placeholders (`filters.pseudonyms.Placeholders` fits)."""

    def restore(self, text: str, *, hosts: frozenset[str] = ..., json_string: bool = ...) -> str: ...

    def restorer(self, *, hosts: frozenset[str] = ..., json_string: bool = ...) -> TextRestorer: ...


Stamper = Callable[[AnswerFacts], Stamp | None]
"""Called once, when the facts of the answer are known; None where no label applies."""


@dataclass(slots=True, repr=False)
class Call:
    """One parsed request. `tree` is the JSON tree; the other fields are what the road asks of it."""

    tree: dict[str, Any]
    model: str
    stream: bool = False
    wants_usage: bool = False  # stream_options.include_usage of the client
    json_mode: bool = False
    logprobs: bool = False
    choices: int = 1
    unscannable: tuple[str, ...] = ()  # kinds of parts that no filter can read: image_url, input_audio, file …


@dataclass(frozen=True, slots=True)
class Send:
    """How the request leaves: the model name upstream and the fields that policy adds."""

    model: str
    include_usage: bool = True  # ask for usage in a stream; the chunk is withheld from clients that did not ask
    store_false: bool = False


@dataclass(slots=True, repr=False)
class Answer:
    """One complete JSON answer: the tree and its facts."""

    tree: dict[str, Any]
    facts: AnswerFacts
    usage: Usage | None


class AnswerStream(Protocol):
    """The state of one streamed answer: upstream events in, client bytes out.

    `feed` returns what may be sent now (empty when all is held back); it raises UpstreamError for an event that cannot
    be read, for an error that the upstream reports, and for an end mark that comes too early. `finish` is called when
    the upstream ended and returns the rest, ending included (empty when `done`); it raises UpstreamError when the
    stream broke off before its end. After either raised, `failure` gives the bytes that end a stream that already
    began (peers §5): no exception, nothing raw.
    """

    usage: Usage | None
    facts: AnswerFacts
    done: bool  # the format's own end was seen

    def opening(self, comment: str) -> bytes: ...

    def feed(self, event: SseEvent) -> bytes: ...

    def finish(self) -> bytes: ...

    def failure(self, error: GatewayError, language: str, *, reference: str = "") -> bytes: ...


class WireFormat(Protocol):
    """One layout of request, answer and stream."""

    name: str  # openai_chat
    operation: str  # gen_ai.operation.name
    upstream_path: str  # appended to a tool's base URL

    def matches(self, method: str, path: str) -> bool: ...

    def parse(self, body: bytes) -> Call:
        """Strict JSON to Call. Raises BadRequest."""
        ...

    def slots(self, call: Call) -> list[Slot]:
        """Every place that holds text, keys and numbers too. Raises BadRequest where a structural place is off."""
        ...

    def rewrite(self, call: Call, texts: Mapping[Path, str]) -> None:
        """Write new text at slots' paths, once each."""
        ...

    def encode(self, call: Call, send: Send) -> bytes:
        """The body as it goes upstream."""
        ...

    def read(self, body: bytes, call: Call) -> Answer:
        """Parse a JSON answer. Raises UpstreamError when it is not one."""
        ...

    def write(self, answer: Answer, *, restorers: Restorers | None, hosts: frozenset[str], stamp: Stamper) -> bytes:
        """Restore every text of the answer, stamp it, and encode it for the client."""
        ...

    def stream(
        self, call: Call, *, restorers: Restorers | None, hosts: frozenset[str], stamp: Stamper
    ) -> AnswerStream: ...

    def error(self, error: GatewayError, language: str, *, reference: str, details: Mapping[str, Any]) -> bytes:
        """The error body in this format's shape; `Blocked` in Azure's content_filter shape."""
        ...

    def notice(self, call: Call, text: str, *, reference: str, created: int) -> Sequence[bytes]:
        """Answer mode: the reply that carries the notice instead of a model's answer (one item, or SSE events)."""
        ...

    def strip(self, call: Call, clean: Callable[[str], str]) -> None:
        """Remove the gateway's own visible sentence from assistant messages of the history."""
        ...
