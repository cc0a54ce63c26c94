"""A small engine for tests of scanning: real patterns, and words that make it sleep, fail or die."""

import os
import re
import signal
import time
from pathlib import Path

from filters.findings import Category, Finding, OperatingPoint, SlotKind

PATTERNS = (
    ("EMAIL_ADDRESS", Category.PERSONAL, re.compile(r"(?<![\w.])[\w.]+@[\w.]+\w")),
    ("BE_NATIONAL_NUMBER", Category.PERSONAL, re.compile(r"\d\d\.?\d\d\.?\d\d-?\d{3}\.?\d\d")),
    ("MARKING_CLASSIFIED", Category.CONFIDENTIAL, re.compile(r"VERTROUWELIJK")),
)


class PoisonError(Exception):
    pass


class Engine:
    """`SLUIS_TEST_VERSION` names a file with the version; `SLUIS_TEST_SEEN` one that gets a line per inspection."""

    def __init__(self) -> None:
        named = os.environ.get("SLUIS_TEST_VERSION")
        self.version = Path(named).read_text(encoding="utf-8") if named else "stand-in 1"
        self._seen = os.environ.get("SLUIS_TEST_SEEN")

    def inspect_text(self, text: str, kind: SlotKind, point: OperatingPoint) -> list[Finding]:
        self._note(f"{kind}:{len(text)}:{text[:20]}")
        if (pause := re.search(r"sleep:([\d.]+)", text)) is not None:
            time.sleep(float(pause[1]))
        if "poison" in text:
            raise PoisonError(text)
        if "die" in text.split():
            os.kill(os.getpid(), signal.SIGKILL)
        if (once := re.search(r"die-once:(\S+)", text)) is not None and not Path(once[1]).exists():
            Path(once[1]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        score = 0.9 if point is OperatingPoint.THOROUGH else 0.8
        return sorted(
            (
                Finding(0, m.start(), m.end(), entity, category, score, "stand-in")
                for entity, category, pattern in PATTERNS
                for m in pattern.finditer(text)
            ),
            key=lambda f: f.start,
        )

    def inspect_border(self, before: str, after: str) -> tuple[list[Finding], list[Finding]]:
        self._note(f"border:{len(before)}:{len(after)}")
        left, right = [], []
        cut = len(before)
        entity, category, pattern = PATTERNS[1]
        for m in pattern.finditer(before + after):
            if m.start() < cut < m.end():
                left.append(Finding(0, m.start(), cut, entity, category, 0.7, "stand-in"))
                right.append(Finding(0, 0, m.end() - cut, entity, category, 0.7, "stand-in"))
        return left, right

    def _note(self, line: str) -> None:
        if self._seen:
            with Path(self._seen).open("a", encoding="utf-8") as file:
                file.write(line.replace("\n", " ") + "\n")
