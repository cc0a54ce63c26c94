"""One engine for all tests of this package: building it takes seconds."""

from functools import lru_cache

from filters.engine import Engine
from filters.findings import OperatingPoint, SlotKind


@lru_cache(maxsize=1)
def engine() -> Engine:
    return Engine()


def found(
    text: str, *, kind: SlotKind = SlotKind.TEXT, point: OperatingPoint = OperatingPoint.PRECISE
) -> list[tuple[str, str]]:
    return [(f.entity_type, text[f.start : f.end]) for f in engine().inspect_text(text, kind, point)]
