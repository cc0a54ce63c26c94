"""The words that filters share: a slot is one place that holds text, a finding is what a filter saw there.

A finding holds no text (promise 4): category, offsets, score and origin only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Category(StrEnum):
    """The data categories of the tool list (T1). No finding is `none_found`, which is no proof of public."""

    PERSONAL = "personal"
    SPECIAL = "special"  # GDPR art. 9 and 10
    CONFIDENTIAL = "confidential"
    SECURITY = "security"


class SlotKind(StrEnum):
    """How a slot may be treated."""

    TEXT = "text"  # free text: every filter looks, a finding may be replaced by a placeholder
    ATOM = "atom"  # an object key, a number, an id: pattern filters look, a finding blocks, never a placeholder


class OperatingPoint(StrEnum):
    """Which errors are the worse ones: `precise` for categories that block, `thorough` for those that pseudonymize."""

    PRECISE = "precise"
    THOROUGH = "thorough"


Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Slot:
    """One place of a request that holds text.

    `path` leads from the root of the JSON tree; see `filters.slots` for how keys and embedded JSON are written in it.
    `turn` numbers the message that the slot belongs to (-1: none); slots of neighbouring turns are also looked at
    across their border.
    """

    path: Path
    text: str
    kind: SlotKind = SlotKind.TEXT
    turn: int = -1

    def __repr__(self) -> str:
        return f"Slot(depth={len(self.path)}, chars={len(self.text)}, kind={self.kind})"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a filter saw: `text[start:end]` of slot number `slot` (an index into the slots that were inspected).

    `score` runs from 0 to 1; `origin` is the recognizer's name, a constant of our code.
    """

    slot: int
    start: int
    end: int
    entity_type: str
    category: Category
    score: float
    origin: str


class Filter(Protocol):
    """Finds; does not decide. One Filter a file in `filters/detectors/`."""

    name: str

    def inspect(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """Return findings, overlapping ones included (`filters.merge` resolves them).

        Raises whatever goes wrong: the caller turns any exception into a refusal (promise 2).
        """
        ...


class ScanError(Exception):
    """Scanning did not end with an answer. The request must be refused (promise 2). Carries no text."""


class Scanner(Protocol):
    """What the pipeline sees of scanning: the pool's client in production, an in-process engine in tests."""

    version: str  # changes when the engine, its models or its lists change

    async def scan(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """Merged findings over all slots, in order of slot and start. Raises ScanError."""
        ...
