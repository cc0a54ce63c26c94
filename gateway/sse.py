"""Server-sent events without I/O (to be filled in by the wire slice)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class SseEvent:
    """One event; `comment` alone for a comment line."""

    data: str = ""
    event: str = ""
    id: str = ""
    comment: str = ""
