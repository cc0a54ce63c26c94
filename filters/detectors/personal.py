"""Personal data: identifiers by pattern and check, names by model, rule and list; special categories beside them."""

from collections.abc import Sequence

from filters.analyzer import Analyzer
from filters.detectors.names import NameFinder, Span
from filters.detectors.special import SpecialTerms
from filters.entities import ENTITY_TYPES
from filters.findings import Finding, OperatingPoint, Slot, SlotKind
from filters.gazetteer import Gazetteer
from filters.language import LanguageGuesser
from filters.recognizers.base import ANY_TEXT, ATOM

_NAME_SCORE = 0.8


class PersonalFilter:
    """Atoms get patterns only: a key or a number is no sentence that a model could read."""

    name = "personal"

    def __init__(self, analyzer: Analyzer, gazetteer: Gazetteer, guesser: LanguageGuesser) -> None:
        self._analyzer = analyzer
        self._guesser = guesser
        self._names = NameFinder(gazetteer)
        self._special = SpecialTerms()

    def inspect(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """Findings of all slots; overlapping ones included."""
        found: list[Finding] = []
        for number, slot in enumerate(slots):
            if slot.kind is SlotKind.ATOM:
                found += self.patterns(number, slot.text, ATOM)
                continue
            here = self.patterns(number, slot.text, ANY_TEXT)
            here += self._persons(number, slot.text, point)
            here += self._special.inspect(number, slot.text, here)
            found += here
        return found

    def patterns(self, number: int, text: str, code: str) -> list[Finding]:
        """What proves itself by its form: identifiers, addresses."""
        return [
            _finding(number, Span(result.start, result.end, result.entity_type, _origin(result)), result.score)
            for result in self._analyzer.patterns(text, code)
        ]

    def _persons(self, number: int, text: str, point: OperatingPoint) -> list[Finding]:
        segments = self._guesser.segments(text)
        spans: list[Span] = []
        for segment in segments:
            part = text[segment.start : segment.end]
            if not any(map(str.isalpha, part)):
                continue
            for result in self._analyzer.names(part, segment.language, point, sure=segment.sure):
                start, end = segment.start + result.start, segment.start + result.end
                spans.append(Span(start, end, result.entity_type, _origin(result)))
        if point is OperatingPoint.THOROUGH:
            languages = [(segment.start, segment.end, segment.language) for segment in segments]
            spans = self._names.thorough(text, spans, languages)
        else:
            spans = self._names.precise(text, spans)
        return [_finding(number, span, _NAME_SCORE) for span in spans]


def _origin(result: object) -> str:
    metadata = getattr(result, "recognition_metadata", None) or {}
    return str(metadata.get("recognizer_name", "presidio"))


def _finding(slot: int, span: Span, score: float) -> Finding:
    category = ENTITY_TYPES[span.kind].category
    return Finding(slot, span.start, span.end, span.kind, category, round(score, 2), span.origin)
