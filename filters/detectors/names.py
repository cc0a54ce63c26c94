"""What becomes of names after the models and the rules: settle overlaps; at the thorough point look further.

Thorough (for pseudonymizing, where a false find is put back and a miss leaks): names from the lists that are no
ordinary words, capitalised words that no Dutch word list knows, particle and capital ("De Jong"), lower-case names, and
every further occurrence of a found name. Unknown capitals count in Dutch only: the other word lists are too small.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from filters.gazetteer import Gazetteer
from filters.patterns import LETTER, LOWER, UPPER, compile_pattern
from filters.recognizers.name_rules import is_street
from filters.recognizers.name_shapes import NOT_NAMES, PARTICLE


class Span(NamedTuple):
    """A name, place or organization in one text."""

    start: int
    end: int
    kind: str
    origin: str


_CAPITAL = compile_pattern(rf"(?:^|[^\pL0-9_@./-])([{UPPER}][{LETTER}]*(?:['’-][{LETTER}]+)*)")
_LOWERCASE = compile_pattern(rf"(?:^|[^\pL0-9_@./-])([{LOWER}]{{3,}}(?:-[{LOWER}]{{3,}})?)")
_PARTICLE_CAPITAL = compile_pattern(
    rf"(?:^|[^\pL0-9_@.-])((?:(?:Van|De|Den|Der|Vanden|Vander|Ten|Ter|El|Aït|Ben|Von|Du|Di|Da)"
    rf" ){{1,3}}[{UPPER}][{LETTER}]+)",
)
_BETWEEN = compile_pattern(rf"{PARTICLE}(?: {PARTICLE})*")
_LEAD = compile_pattern(
    r"(?:(?:[Vv]an|[Vv]on|[Oo]p|[Ii]n) (?:de[nr]?|het|'t)|[Vv]an(?:den|der)?|[Dd]e[nr]?|[Vv]on|[Tt]e[nr]|'t|[Ee]l"
    r"|[Aa]l|[Bb]en"
    r"|[Dd]i|[Dd]a|[Dd]os|[Ll]e|[Ll]a|[Dd]u|[Dd]['’]) ?$",
)
_PART = re.compile(r"[^\W\d_]{3,}")
_WORDS = re.compile(r"[^\W\d_]+")
_SENTENCE_OPENS = re.compile(r"(?:^|[.!?:\n•])\W*$")


class NameFinder:
    """Settles and extends the names of one text. Time linear in its length."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._lists = gazetteer

    def precise(self, text: str, spans: Sequence[Span]) -> list[Span]:
        """Streets are no persons; a rule's person beats a model's place or organization inside it."""
        return _join(text, [_street(text, span) for span in self._sensible(text, spans)])

    def _sensible(self, text: str, spans: Sequence[Span]) -> Iterator[Span]:
        """Trim white space; drop a single ordinary word in lower case, which models sometimes take for a name."""
        for span in spans:
            words = text[span.start : span.end].rstrip().split(" ")
            while words and span.kind == "PERSON" and any(map(str.isdecimal, words[-1])):
                words.pop()  # an identifier that the model took along
            shown = " ".join(words).strip()
            start = text.find(shown, span.start)
            if shown and not (shown.islower() and shown in self._lists.every_word):
                yield span._replace(start=start, end=start + len(shown))

    def thorough(self, text: str, spans: Sequence[Span], segments: Sequence[tuple[int, int, str]]) -> list[Span]:
        """`segments` gives the language of each stretch."""
        settled = [self._person_after_all(text, _street(text, span)) for span in self._sensible(text, spans)]
        covered = _cover(text, settled)
        for start, end, language in segments:
            settled += self._listed(text, start, end, language, covered)
        return _join(text, self._spread(text, settled))

    def _person_after_all(self, text: str, span: Span) -> Span:
        """A place or organization that opens with a listed first name is a person more often than not."""
        if span.kind == "PERSON":
            return span
        words = _WORDS.findall(text[span.start : span.end])
        named = len(words) > 1 and words[0] in self._lists.first and words[0].lower() not in self._lists.city_words
        return span._replace(kind="PERSON") if named and not is_street(text[span.start : span.end]) else span

    def _listed(self, text: str, start: int, end: int, language: str, covered: bytearray) -> Iterator[Span]:
        part = text[start:end]
        for match in _CAPITAL.finditer(part):
            a, b = match.span(1)
            if not covered[start + a] and self._is_name(part, a, match.group(1), language):
                a = _lead(part, a) if language in ("nl", "fr") else a
                yield Span(start + a, start + b, "PERSON", "name_lists")
        for match in _PARTICLE_CAPITAL.finditer(part):
            a, b = match.span(1)
            name = match.group(1)
            # "De Antwerpse gevel" opens a sentence; "De Jong belt" does too, but stands in the list.
            likely = name.lower() in self._lists.last or not _opens_sentence(part, a)
            if (
                likely
                and not any(covered[start + a : start + b])
                and self._is_surname(name.rsplit(" ", 1)[1], language)
            ):
                yield Span(start + a, start + b, "PERSON", "name_lists")
        for match in _LOWERCASE.finditer(part):
            a, b = match.span(1)
            word = match.group(1)
            if covered[start + a]:
                continue
            first = len(word) > 3 and word in self._lists.first_lower  # noqa: PLR2004
            last = len(word) > 4 and word in self._lists.last_words  # noqa: PLR2004
            if (first or last) and not self._lists.is_known(word, language):
                yield Span(start + a, start + b, "PERSON", "name_lists")

    def _is_surname(self, word: str, language: str) -> bool:
        if is_street(word) or word.lower() in self._lists.months or word in self._lists.cities:
            return False
        return word.lower() in self._lists.last_words or (language == "nl" and word not in NOT_NAMES)

    def _is_name(self, text: str, start: int, word: str, language: str) -> bool:
        lists = self._lists
        if word in NOT_NAMES or (word.isupper() and 1 < len(word) <= 3):  # noqa: PLR2004
            return False
        lower = word.lower()
        core = lower.split("-")[0]
        for ending in ("'s", "’s", "s"):
            if lower.endswith(ending) and lower.removesuffix(ending) in lists.first_lower:
                core = lower.removesuffix(ending)
        known = lists.is_known(word, language)
        opens = _opens_sentence(text, start)
        listed = core in lists.first_lower and (not known or not opens)
        # A surname that is also a word counts in Dutch only: German nouns have capitals, the other lists are small.
        if language == "nl":
            listed = listed or (lower in lists.last_words and (not known or not opens))
        elif language != "de":
            listed = listed or (lower in lists.last_words and not known)
        if listed and lower not in lists.months and lower not in lists.city_words:
            return True
        if language != "nl" or known or len(word) < 3 or is_street(word):  # noqa: PLR2004
            return False
        if word.isupper():
            return len(word) > 5  # noqa: PLR2004
        return "-" in word or not any(map(str.isupper, word[1:]))

    def _spread(self, text: str, spans: list[Span]) -> list[Span]:
        """Parts of found names that are no ordinary words are names wherever they stand."""
        parts = {
            part.lower()
            for span in spans
            if span.kind == "PERSON"
            for part in _PART.findall(text[span.start : span.end])
            if part[0].isupper() and part not in NOT_NAMES and part.lower() not in self._lists.every_word
        }
        if not parts:
            return spans
        covered = _cover(text, spans)
        spread = [
            Span(*match.span(), "PERSON", "name_again")
            for match in _WORDS.finditer(text)
            if not covered[match.start()]
            and (match.group().lower() in parts or match.group().lower().removesuffix("s") in parts)
        ]
        return [*spans, *spread]


_NUMBERED = compile_pattern(r"^[^0-9]{3,}[ ,][1-9][0-9]{0,2} ?[a-zA-Z]?(?:,? ?(?:bus|bte|b) ?[0-9A-Za-z]{1,4})?$")


def _street(text: str, span: Span) -> Span:
    """What a model calls a person but ends as streets do is a street; a place with a house number is an address."""
    if span.kind == "LOCATION" and _NUMBERED.search(text[span.start : span.end]):
        return span._replace(kind="STREET_ADDRESS")
    if span.kind == "PERSON" and is_street(text[span.start : span.end].rstrip("0123456789 ,")):
        return span._replace(kind="LOCATION")
    return span


def _cover(text: str, spans: Sequence[Span]) -> bytearray:
    covered = bytearray(len(text) + 1)
    for span in spans:
        covered[span.start : span.end] = b"\x01" * (span.end - span.start)
    return covered


def _opens_sentence(text: str, start: int) -> bool:
    return _SENTENCE_OPENS.search(text[max(0, start - 4) : start]) is not None


def _lead(text: str, start: int) -> int:
    """Where the particles in front of a surname start; "De" only with a capital, "de" is an article."""
    before = text[max(0, start - 12) : start]
    match = _LEAD.search(before)
    if not match:
        return start
    lead = start - (len(before) - match.start())
    if lead > 0 and text[lead - 1].isalnum():
        return start
    shown = text[lead:start].strip()
    return lead if shown[:1].isupper() or shown[:3] in ("van", "von", "'t") else start


def _join(text: str, spans: Sequence[Span]) -> list[Span]:
    """Persons that touch, overlap or have only particles between them are one."""
    joined: list[Span] = []
    rest = [span for span in spans if span.kind != "PERSON"]
    for span in sorted(span for span in spans if span.kind == "PERSON"):
        last = joined[-1] if joined else None
        if last and (span.start <= last.end or _one_name(text[last.end : span.start])):
            joined[-1] = last._replace(end=max(last.end, span.end))
        else:
            joined.append(span)
    return [*joined, *rest]


def _one_name(gap: str) -> bool:
    if gap in (" ", "-", " - "):
        return True
    return len(gap) < 14 and "\n" not in gap and bool(gap.strip()) and _BETWEEN.fullmatch(gap.strip()) is not None  # noqa: PLR2004
