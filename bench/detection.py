"""How well detection does on the public development set, and what it costs.

    python -m bench.detection            # figures per language and operating point
    python -m bench.detection --misses   # also what was missed and what was found for nothing

Recall counts a value as found when all its letters and digits lie inside findings, of whatever type; `typed` asks for
the right type too. Precision is the share of findings that touch a marked value. LOCATION and ORGANIZATION are only
noted by default: they count for recall, not against precision. "Touched" is the share of texts without any marked
value that got a finding that does more than note.

The set was written beside the rules: its figures flatter. See docs/detection.md.
"""

import json
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path

from filters.engine import Engine
from filters.entities import ENTITY_TYPES
from filters.findings import Finding, OperatingPoint, SlotKind

DEV = Path(__file__).parent.parent / "tests" / "filters" / "dev"
NOTED = {name for name, kind in ENTITY_TYPES.items() if kind.default == "note"}


def load(language: str) -> list[tuple[str, list[tuple[int, int, str]]]]:
    with (DEV / f"{language}.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [(row["text"], [(start, end, kind) for start, end, kind in row["spans"]]) for row in rows]


def covers(text: str, found: list[Finding], start: int, end: int) -> bool:
    letters = [position for position in range(start, end) if text[position].isalnum()]
    return all(any(f.start <= position < f.end for f in found) for position in letters)


def score(engine: Engine, language: str, point: OperatingPoint, *, misses: bool) -> dict[str, object]:
    marked = masked = typed = findings = right = clean = touched = 0
    per_type: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for text, spans in load(language):
        found = engine.inspect_text(text, SlotKind.TEXT, point)
        acting = [f for f in found if f.entity_type not in NOTED or any(k == f.entity_type for *_, k in spans)]
        clean += not spans
        touched += not spans and bool(acting)
        for start, end, kind in spans:
            hit = covers(text, found, start, end)
            marked, masked = marked + 1, masked + hit
            typed += covers(text, [f for f in found if f.entity_type == kind], start, end)
            per_type[kind][0] += hit
            per_type[kind][1] += 1
            if misses and not hit:
                print("   missed", kind, repr(text[start:end]), "in", repr(text))
        for finding in acting:
            if ENTITY_TYPES[finding.entity_type].category.value == "special":
                continue
            findings += 1
            touches = any(finding.start < end and start < finding.end for start, end, _ in spans)
            right += touches
            if misses and not touches:
                print("   for nothing", finding.entity_type, repr(text[finding.start : finding.end]), "in", repr(text))
    return {
        "values": marked,
        "recall": f"{100 * masked / marked:.1f}",
        "typed": f"{100 * typed / marked:.1f}",
        "precision": f"{100 * right / findings:.1f}",
        "clean texts": clean,
        "touched": f"{100 * touched / clean:.1f}",
        "person": "/".join(map(str, per_type["PERSON"])),
        "address": "/".join(map(str, per_type["STREET_ADDRESS"])),
    }


def cost(engine: Engine, point: OperatingPoint, length: int) -> float:
    """Median CPU milliseconds for new Dutch text of `length` characters."""
    whole = " ".join(text for text, _ in load("nl"))
    whole *= 2 + 25 * 200 // len(whole) + length // len(whole)
    times = []
    for turn in range(25):
        text = whole[turn * 137 : turn * 137 + length]
        start = time.process_time()
        engine.inspect_text(text, SlotKind.TEXT, point)
        times.append(time.process_time() - start)
    return 1000 * sorted(times)[len(times) // 2]


def main() -> None:
    misses = "--misses" in sys.argv
    start = time.process_time()
    engine = Engine()
    print(f"engine {engine.version}, built in {time.process_time() - start:.1f} s CPU")
    for language in ("nl", "fr", "de", "en"):
        for point in OperatingPoint:
            print(language, point.value, score(engine, language, point, misses=misses))
    for point in OperatingPoint:
        print(point.value, {n: f"{cost(engine, point, n):.1f} ms" for n in (200, 1000, 4000, 16000)})
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
