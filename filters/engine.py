"""One in-process engine: every filter over every slot, merged. Built once a process (about two seconds), then called.

Heavy libraries are imported when an Engine is made, not with this module: whoever needs only the name stays light.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from filters.findings import Filter, Finding, OperatingPoint, Slot, SlotKind
from filters.merge import merge
from filters.normalize import normalize

MODELS = Path(__file__).parent / "models"
BORDER = 64  # characters on each side of a border between messages that are looked at together
_PROVEN = 0.85  # checked identifiers, keys: see filters/recognizers/base.py
_LIBRARIES = ("presidio-analyzer", "spacy", "python-stdnum", "phonenumbers", "py3langid", "google-re2")
# Code that decides what is found; the other files of this package do not.
_CODE = (
    "analyzer.py",
    "engine.py",
    "entities.py",
    "findings.py",
    "gazetteer.py",
    "language.py",
    "merge.py",
    "normalize.py",
    "patterns.py",
)


class Engine:
    """All detectors. Not thread-safe: one engine a process or thread."""

    version: str

    def __init__(self, *, models: Path | None = None) -> None:
        """Load models and lists from `models` (default: the shipped ones). Raises OSError where files are missing."""
        from filters.analyzer import Analyzer  # noqa: PLC0415
        from filters.detectors.confidential import ConfidentialFilter  # noqa: PLC0415
        from filters.detectors.encoded import EncodedFilter  # noqa: PLC0415
        from filters.detectors.personal import PersonalFilter  # noqa: PLC0415
        from filters.detectors.secrets import SecretsFilter  # noqa: PLC0415
        from filters.gazetteer import load_gazetteer  # noqa: PLC0415
        from filters.language import LanguageGuesser  # noqa: PLC0415

        models = models or MODELS
        gazetteer = load_gazetteer(models / "gazetteer.json.gz")
        self._personal = PersonalFilter(Analyzer(models, gazetteer), gazetteer, LanguageGuesser())
        self._secrets = SecretsFilter()
        encoded = EncodedFilter(self._plain)
        self._filters: tuple[Filter, ...] = (self._personal, ConfidentialFilter(), self._secrets, encoded)
        self.version = _version(models)

    def inspect(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """Merged findings over all slots in order of slot and start; offsets are those of the slots' own text."""
        cleaned = [normalize(slot.text) for slot in slots]
        read = [Slot(slot.path, clean.text, slot.kind, slot.turn) for slot, clean in zip(slots, cleaned, strict=True)]
        found = [finding for each in self._filters for finding in each.inspect(read, point)]
        placed = []
        for finding in merge(found):
            start, end = cleaned[finding.slot].span(finding.start, finding.end)
            placed.append(_moved(finding, start, end))
        return placed

    def inspect_text(self, text: str, kind: SlotKind, point: OperatingPoint) -> list[Finding]:
        """One text; every finding has slot 0."""
        return self.inspect([Slot((), text, kind)], point)

    def inspect_border(self, before: str, after: str) -> tuple[list[Finding], list[Finding]]:
        """What the tail of one message and the head of the next make together, cut into the part on each side.

        Only what proves itself (check digits, the form of a key or an address): the two texts may be unrelated.
        Findings of the first list have offsets in `before`, those of the second in `after`; slot is 0 in both.
        """
        tail, head = before[-BORDER:], after[:BORDER]
        if not tail or not head:
            return [], []
        moved, border = len(before) - len(tail), len(tail)
        left: list[Finding] = []
        right: list[Finding] = []
        for finding in self._proven(tail + head):
            if not finding.start < border < finding.end:
                continue
            left.append(_moved(finding, finding.start + moved, len(before)))
            right.append(_moved(finding, 0, finding.end - border))
        alone = {finding.entity_type for part in (tail, head) for finding in self._proven(part)}
        return (
            [finding for finding in left if finding.entity_type not in alone],
            [finding for finding in right if finding.entity_type not in alone],
        )

    def _plain(self, text: str) -> list[Finding]:
        """Identifiers and secrets by pattern."""
        from filters.recognizers.base import ANY_TEXT  # noqa: PLC0415

        found = self._personal.patterns(0, text, ANY_TEXT)
        found += self._secrets.inspect([Slot((), text)], OperatingPoint.PRECISE)
        return [finding for finding in found if finding.entity_type not in ("STREET_ADDRESS", "LOCATION")]

    def _proven(self, text: str) -> list[Finding]:
        clean = normalize(text)
        merged = merge(f for f in self._plain(clean.text) if f.score >= _PROVEN)
        return [_moved(f, *clean.span(f.start, f.end)) for f in merged]


def _moved(finding: Finding, start: int, end: int) -> Finding:
    return Finding(finding.slot, start, end, finding.entity_type, finding.category, finding.score, finding.origin)


def _version(models: Path) -> str:
    """Changes when code, lists, models or libraries change: texts scanned by another version must be scanned again."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    files = [here / name for name in _CODE]
    files += sorted((here / "recognizers").glob("*.py")) + sorted((here / "detectors").glob("*.py"))
    files += [models / "gazetteer.json.gz", *sorted(p for p in models.glob("*/**/*") if p.is_file())]
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    digest.update(json.dumps({name: metadata.version(name) for name in _LIBRARIES}).encode())
    return digest.hexdigest()[:16]
