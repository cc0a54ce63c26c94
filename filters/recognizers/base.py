"""What all identifier recognizers share: candidates in linear time, a check, and context words near the match.

Presidio's own context enhancer walks the whole text for each result (measured.md); here context is a look at some
sixty characters around a candidate, and only where the check is too weak to stand alone (standards.md §6.1).
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import ClassVar, NamedTuple

from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from filters.patterns import compile_pattern, stands_alone

# Presidio asks a recognizer for its language. Identifiers read the same in every language: "xx" stands for text in
# whatever language, "zxx" (ISO 639-2: no linguistic content) for atoms, where no words can give context.
ANY_TEXT = "xx"
ATOM = "zxx"
REACH = 60


class Proof(IntEnum):
    """How much a value proves by itself."""

    FORM = 1  # only its form: context needed, in atoms too
    CHECKED = 2  # a check that one in ten random numbers passes: context needed in text
    PROVEN = 3  # a check or a form that hardly anything else has


class Verdict(NamedTuple):
    """What a candidate turned out to be."""

    entity_type: str
    proof: Proof


class Number(NamedTuple):
    """Digits as they stand in a text: `groups` are the lengths of the groups that separators make."""

    start: int
    end: int
    digits: str
    groups: tuple[int, ...]
    usual: bool  # only separators that people write inside numbers; not a list, a table or mark-up


_SCORES = {Proof.FORM: 0.6, Proof.CHECKED: 0.85, Proof.PROVEN: 0.95}
_SEPARATORS = r"[ .\-/_,:*()|\n]{0,4}"
_USUAL = frozenset(" .-/_")
_SHORTEST, _LONGEST = 8, 19  # digits of the shortest and the longest identifier
_RUN = compile_pattern(rf"[0-9](?:{_SEPARATORS}[0-9])+")
_GROUP = compile_pattern(r"[0-9]+")


def numbers(text: str, length: int) -> Sequence[Number]:
    """Every sequence of whole groups that together has `length` digits."""
    return _numbers(text).get(length, ())


@lru_cache(maxsize=1)
def _numbers(text: str) -> dict[int, list[Number]]:
    """Numbers by length, of all lengths that an identifier has. Cached: every recognizer asks about the same text."""
    found: dict[int, list[Number]] = {}
    for run in _RUN.finditer(text):
        spans = [group.span() for group in _GROUP.finditer(run.group())]
        for number in _windows(run.group(), run.start(), spans):
            found.setdefault(len(number.digits), []).append(number)
    return found


def _windows(run: str, offset: int, spans: list[tuple[int, int]]) -> Iterator[Number]:
    """At most `_LONGEST` steps from each group, whatever the run: linear in its length."""
    digits = "".join(run[start:end] for start, end in spans)
    sizes = tuple(end - start for start, end in spans)
    before = list(accumulate(sizes, initial=0))
    gaps = (run[spans[place][1] : spans[place + 1][0]] for place in range(len(spans) - 1))
    odd = [0, *accumulate(not _USUAL.issuperset(gap) for gap in gaps)]
    for first in range(len(spans)):
        for last in range(first, len(spans)):
            length = before[last + 1] - before[first]
            if length > _LONGEST:
                break
            if length >= _SHORTEST:
                start, end = offset + spans[first][0], offset + spans[last][1]
                shown, usual = digits[before[first] : before[last + 1]], odd[last] == odd[first]
                yield Number(start, end, shown, sizes[first : last + 1], usual)


class Identifier(LocalRecognizer):
    """A recognizer of one kind of identifier."""

    entities: ClassVar[tuple[str, ...]]
    context_words: ClassVar[str] = ""  # RE2 alternation, lower case, matched at the start of a word
    reach: ClassVar[int] = REACH
    proves_itself: ClassVar[bool] = True  # False: in text nothing counts without context
    version_of_rules: ClassVar[str] = "1"
    prefilter: ClassVar[str] = r"[0-9]"  # the recognizer is asked only where this occurs

    def __init__(self, supported_language: str = ANY_TEXT) -> None:
        self._context = (
            compile_pattern(rf"(?:^|[^\pL])(?:{self.context_words})", ignore_case=True) if self.context_words else None
        )
        self._needed = Proof.CHECKED if supported_language == ATOM else Proof.PROVEN
        super().__init__(
            supported_entities=list(self.entities),
            supported_language=supported_language,
            name=type(self).__name__,
            version=self.version_of_rules,
        )

    def load(self) -> None:
        """Nothing to load: patterns are compiled with the class."""

    @abstractmethod
    def candidates(self, text: str) -> Iterator[tuple[int, int, Verdict]]:
        """Spans with what they are; context is looked at afterwards."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Presidio's entry: candidates that prove themselves or have context near."""
        del nlp_artifacts
        if not self.proves_itself and self._needed is Proof.PROVEN and self._context and not self._context.search(text):
            return []
        found = []
        for start, end, verdict in self.candidates(text):
            near = self.has_context(text, start, end)
            if verdict.entity_type in entities and (verdict.proof >= self._needed or near):
                score = min(_SCORES[verdict.proof] + (0.1 if near else 0.0), 1.0)
                metadata = {
                    RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                }
                found.append(RecognizerResult(verdict.entity_type, start, end, score, recognition_metadata=metadata))
        return found

    def has_context(self, text: str, start: int, end: int) -> bool:
        """Whether a context word stands within reach of the span."""
        if self._context is None:
            return False
        before = text[max(0, start - self.reach) : start]
        after = text[end : end + self.reach]
        return self._context.search(before + "\n" + after) is not None


class NumberIdentifier(Identifier):
    """An identifier of digits with separators."""

    lengths: ClassVar[tuple[int, ...]]
    any_separator: ClassVar[bool] = False  # also with separators that nobody writes unless to hide the number

    def __init_subclass__(cls) -> None:
        """Ask only where a run of digits is long enough."""
        super().__init_subclass__()
        cls.prefilter = rf"[0-9](?:{_SEPARATORS}[0-9]){{{min(cls.lengths) - 1}}}"

    @abstractmethod
    def judge(self, number: Number) -> Verdict | None:
        """What the digits are, or None."""

    def candidates(self, text: str) -> Iterator[tuple[int, int, Verdict]]:
        """Numbers of the right length that pass the check."""
        for length in self.lengths:
            for number in numbers(text, length):
                verdict = self.judge(number) if number.usual or self.any_separator else None
                if verdict is not None:
                    if not stands_alone(text, number.start, number.end):  # inside a hash or a file name
                        verdict = Verdict(verdict.entity_type, min(verdict.proof, Proof.CHECKED))
                    yield number.start, number.end, verdict


class PatternIdentifier(Identifier):
    """An identifier of letters and digits: group 1 of an RE2 pattern is the value."""

    patterns: ClassVar[tuple[str, ...]]

    def __init__(self, supported_language: str = ANY_TEXT) -> None:
        self._patterns = [compile_pattern(pattern) for pattern in self.patterns]
        super().__init__(supported_language)

    @abstractmethod
    def judge(self, value: str) -> Verdict | None:
        """What the value is, or None."""

    def candidates(self, text: str) -> Iterator[tuple[int, int, Verdict]]:
        """Matches that stand alone and pass the check."""
        for pattern in self._patterns:
            for match in pattern.finditer(text):
                start, end = match.span(1)
                if stands_alone(text, start, end):
                    verdict = self.judge(text[start:end])
                    if verdict is not None:
                        yield start, end, verdict
