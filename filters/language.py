"""Which of nl, fr, de, en a piece of text is in, piece by piece and cheap."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Language = Literal["nl", "fr", "de", "en"]
LANGUAGES: tuple[Language, ...] = ("nl", "fr", "de", "en")

_PIECE = 240  # characters that are told apart on their own; shorter ones join the next
_LONGEST = 2000  # characters that go to a model at once: keeps its time linear and its memory small
_LOOKED_AT = 120  # characters of a piece that the guess is made on
_CUT = re.compile(r"\n+|(?<=[.!?;])\s+")


@dataclass(frozen=True, slots=True)
class Segment:
    """`text[start:end]` is in `language`; `sure` is False where there were too few words to tell."""

    start: int
    end: int
    language: Language
    sure: bool


class LanguageGuesser:
    """py3langid restricted to four languages: on own texts 96 % right on five words, 100 % on whole items."""

    def __init__(self) -> None:
        from py3langid.langid import LanguageIdentifier  # noqa: PLC0415 (seconds of import for whoever only needs the types)

        self._identifier = LanguageIdentifier.from_model_file("data/model.npz.xz")
        self._identifier.set_languages(list(LANGUAGES))

    def of(self, text: str) -> Language:
        """The likeliest language; Dutch where nothing can be told."""
        if not any(char.isalpha() for char in text):
            return "nl"
        language: Language = self._identifier.classify(text)[0]
        return language

    def segments(self, text: str) -> list[Segment]:
        """Cover the text without gaps; neighbours of one language are joined up to the longest allowed."""
        found: list[Segment] = []
        for start, end in _pieces(text):
            head = text[start : min(end, start + _LOOKED_AT)]
            segment = Segment(start, end, self.of(head), sure=head.count(" ") >= 4)  # noqa: PLR2004
            last = found[-1] if found else None
            if last and last.language == segment.language and end - last.start <= _LONGEST:
                found[-1] = Segment(last.start, end, last.language, sure=last.sure or segment.sure)
            else:
                found.append(segment)
        return found


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Lines or sentences, joined to at least `_PIECE` and cut at most at `_LONGEST` characters."""
    start = 0
    for cut in _CUT.finditer(text):
        if cut.end() - start >= _PIECE:
            yield from _short(text, start, cut.end())
            start = cut.end()
    if start < len(text):
        yield from _short(text, start, len(text))


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _LONGEST:
        space = text.rfind(" ", start + _LONGEST // 2, start + _LONGEST)
        cut = space + 1 if space > 0 else start + _LONGEST
        yield start, cut
        start = cut
    yield start, end
