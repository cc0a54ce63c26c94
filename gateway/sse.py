"""Server-sent events without I/O: bytes in any split to events, and events to bytes.

Written here because httpx's line iterator ends a line at U+2028 and U+0085, which may stand inside a JSON string;
only CR, LF and CRLF end a line (WHATWG HTML §9.2.6). Lines are found in bytes, so UTF-8 sequences may be cut anywhere.
"""

import re
from dataclasses import dataclass

MAX_EVENT = 4 * 1024 * 1024
"""Bytes of one event, its unfinished line included. A larger one is refused, so that memory stays bounded."""

_BOM = b"\xef\xbb\xbf"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class SseError(ValueError):
    """The stream is not one that we read: an event above the limit. Carries no text."""


@dataclass(frozen=True, slots=True, repr=False)
class SseEvent:
    """One event; `comment` alone for a comment line. All fields empty: an empty comment or an event without data."""

    data: str = ""
    event: str = ""
    id: str = ""
    comment: str = ""

    def __repr__(self) -> str:
        return f"SseEvent(chars={len(self.data)})"


class SseDecoder:
    """Feed it what the network gives; it returns the events that are complete.

    A comment is an event of its own, in its place. `id` is the one of this event's own block; `retry` is ignored.
    """

    __slots__ = ("_data", "_event", "_id", "_limit", "_parts", "_size", "_skip_lf", "_started")

    def __init__(self, *, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._parts: list[bytes] = []  # the unfinished line
        self._data: list[str] = []
        self._event = ""
        self._id = ""
        self._size = 0  # bytes held: unfinished line and data lines of the open event
        self._skip_lf = False  # the last read ended in CR: an LF that follows belongs to it
        self._started = False

    def feed(self, data: bytes) -> list[SseEvent]:
        """Events that `data` completes. Raises SseError."""
        # The usual case, 60 times a second per stream: one whole event in one read, nothing waiting.
        if (
            self._started
            and self._size == 0
            and data[:6] == b"data: "
            and data[-2:] == b"\n\n"
            and data.find(b"\n") == len(data) - 2 <= self._limit
            and b"\r" not in data
            and not (self._event or self._id or self._data or self._skip_lf)
        ):
            return [SseEvent(data[6:-2].decode("utf-8", "replace"))]
        return self._feed(data)

    def close(self) -> list[SseEvent]:
        """The upstream ended. What it left without a blank line still counts: some servers end on `data: [DONE]`."""
        events: list[SseEvent] = []
        self._started = True
        if self._parts:
            self._line(self._take(b""), events)
        self._line(b"", events)
        return events

    def _feed(self, data: bytes) -> list[SseEvent]:
        if not self._started:
            data = self._start(data)
        if self._skip_lf and data:
            self._skip_lf = False
            if data[:1] == b"\n":
                data = data[1:]
        if b"\r" in data:
            self._skip_lf = data[-1:] == b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: list[SseEvent] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line(self._take(line) if self._parts else line, events)
        if rest:
            self._parts.append(rest)
            self._grow(len(rest))
        return events

    def _start(self, data: bytes) -> bytes:
        """Drop a byte order mark, which may come in pieces."""
        data = self._take(data)
        if len(data) < len(_BOM) and _BOM.startswith(data):
            if data:
                self._parts.append(data)
                self._grow(len(data))
            return b""
        self._started = True
        return data.removeprefix(_BOM)

    def _take(self, end: bytes) -> bytes:
        """The unfinished line together with its end."""
        self._parts.append(end)
        line = b"".join(self._parts)
        self._size -= len(line) - len(end)
        self._parts.clear()
        return line

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise SseError("event too large")

    def _line(self, line: bytes, events: list[SseEvent]) -> None:
        if not line:
            if self._data:
                events.append(SseEvent("\n".join(self._data), self._event, self._id))
            self._data.clear()
            self._event = self._id = ""
            self._size = 0
            return
        name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._grow(len(value) + 1)
            self._data.append(text)
        elif not name:
            self._grow_check(line)
            events.append(SseEvent(comment=text))
        elif name == b"event":
            self._grow_check(line)
            self._event = text
        elif name == b"id" and "\0" not in text:
            self._grow_check(line)
            self._id = text

    def _grow_check(self, line: bytes) -> None:
        """A field that is not kept in a list: its own size is what counts."""
        if self._size + len(line) > self._limit:
            raise SseError("event too large")


def encode(event: SseEvent) -> bytes:
    """The event on the wire. Line breaks in a name, id or comment become spaces, so that nothing can be injected."""
    lines = [f"{field}: {_flat(value)}" for field, value in (("", event.comment), ("event", event.event)) if value]
    if event.id:
        lines.append(f"id: {_flat(event.id)}")
    if event.data or event.event or event.id:
        lines += [f"data: {line}" for line in _LINE_BREAK.split(event.data)]
    return ("\n".join(lines or [":"]) + "\n\n").encode()


def encode_data(data: bytes) -> bytes:
    """An event of one data line, which must hold no line break (orjson's output never does)."""
    return b"data: " + data + b"\n\n"


def _flat(text: str) -> str:
    return _LINE_BREAK.sub(" ", text).replace("\0", "")
