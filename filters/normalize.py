"""One clean-up for all filters that keeps offsets: what hides a value goes, where it stood is remembered.

Against the evasions of standards.md §6.2: zero-width characters, soft hyphens, odd spaces and dashes, digits of other
scripts, full-width letters, letters of another alphabet that look Latin, letters written as base plus accent.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Characters that carry no meaning of their own: Unicode's default-ignorable ones (UAX #44), byte-order mark included.
_IGNORED = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufff8"
)
_TAGS = "\U000e0000-\U000e0fff"
_DROP = re.compile(f"[{_IGNORED}{_TAGS}]")
_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d"
# Plain text of the four languages passes without a look at single characters.
_ODD = re.compile(r"[^\x00-\x7fÀ-ÖØ-öø-ſ‘’“”„«»€°·…§]")
_SPACE = re.compile(f"[{_SPACES}]")
_DASH = re.compile(f"[{_DASHES}]")
_WORD = re.compile(r"\w+")

# Letters that look Latin; applied inside words that also hold Latin letters or digits, so that real Greek stays Greek.
_LOOKALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеѕіјорсухԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧαοινκ",
        "ABESIJKMHOPCTYXaesijopcyxdhqwABEZHIKMNOPTYXaoivk",
        strict=True,
    ),
)


@dataclass(frozen=True, slots=True, repr=False)
class Normalized:
    """Cleaned text; `starts` and `ends` give, per character, the span it came from. None: nothing moved."""

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that `text[start:end]` stands for."""
        if self.starts is None or self.ends is None or start >= end:
            return start, end
        return self.starts[start], self.ends[end - 1]

    def __repr__(self) -> str:
        return f"Normalized(chars={len(self.text)}, moved={self.starts is not None})"


def normalize(text: str) -> Normalized:
    """Clean `text`. Every character of the result knows where it came from; the order never changes."""
    if text.isascii() or not _ODD.search(text):
        return Normalized(text)
    if unicodedata.is_normalized("NFC", text) and not _DROP.search(text):
        # One for one: offsets stay as they are.
        return Normalized(_undisguise("".join(map(_plain, text))))
    return _move(text)


def _move(text: str) -> Normalized:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for position, char in enumerate(text):
        if _DROP.match(char):
            continue
        if chars and unicodedata.combining(char):
            joined = unicodedata.normalize("NFC", chars[-1] + char)
            if len(joined) == 1:
                chars[-1], ends[-1] = joined, position + 1
                continue
        chars.append(_plain(char))
        starts.append(position)
        ends.append(position + 1)
    return Normalized(_undisguise("".join(chars)), starts, ends)


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    """One character for one: digit, space, dash or full-width letter in its plain form; a lone surrogate is U+FFFD."""
    if char < "\x80":
        return char
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    if _SPACE.match(char) or _DASH.match(char):
        return " " if _SPACE.match(char) else "-"
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if "\uff01" <= char <= "\uff5e" or "\U0001d400" <= char <= "\U0001d7ff" or "\u2460" <= char <= "\u24ff":
        folded = unicodedata.normalize("NFKC", char)
        return folded if len(folded) == 1 else char
    return char


def _undisguise(text: str) -> str:
    if text.isascii() or not any(char in _LOOKALIKES for char in set(text)):
        return text
    return _WORD.sub(lambda word: _latin(word.group()), text)


def _latin(word: str) -> str:
    if not any(char in _LOOKALIKES for char in word) or not any(_is_latin(char) for char in word):
        return word
    return "".join(_LOOKALIKES.get(char, char) for char in word)


def _is_latin(char: str) -> bool:
    return char < "\u0250"


def line_starts(text: str) -> Callable[[int], int]:
    """A function that gives the start of the line on which a position lies."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return lambda position: starts[bisect_right(starts, position) - 1]
