"""Model names by pattern: a plain name, a glob (`mistral-small*`), or `re:` and an RE2 expression; always whole."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import re2


class PatternKind(StrEnum):
    LITERAL = "literal"
    GLOB = "glob"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class ModelPattern:
    """One pattern, compiled. RE2 is linear in the length of the name, which a client chooses."""

    text: str
    kind: PatternKind
    _match: Callable[[str], Any] = field(repr=False, compare=False)

    def matches(self, model: str) -> bool:
        """Whether the whole name fits."""
        return bool(self._match(model))


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False  # RE2 would print the expression on standard error
    options.max_mem = 1 << 20
    return options


def compile_pattern(text: str) -> ModelPattern:
    """Raises ValueError where the expression after `re:` is not RE2."""
    if text.startswith("re:"):
        try:
            return ModelPattern(text, PatternKind.REGEX, re2.compile(text[3:], _options()).fullmatch)
        except re2.error:
            raise ValueError("not a regular expression that RE2 knows") from None
    if "*" in text or "?" in text:
        source = "".join({"*": "(?s:.*)", "?": "(?s:.)"}.get(c) or re2.escape(c) for c in text)
        return ModelPattern(text, PatternKind.GLOB, re2.compile(source, _options()).fullmatch)
    return ModelPattern(text, PatternKind.LITERAL, text.__eq__)


def overlap(one: ModelPattern, other: ModelPattern) -> bool:
    """Whether some name fits both. Exact for names and globs; of two where one is `re:` only names are tried."""
    if one.kind is PatternKind.LITERAL:
        return other.matches(one.text)
    if other.kind is PatternKind.LITERAL:
        return one.matches(other.text)
    if PatternKind.REGEX in (one.kind, other.kind):
        return one.text == other.text
    return _globs_meet(one.text, other.text)


@lru_cache(maxsize=4096)
def _globs_meet(one: str, other: str) -> bool:
    """Whether two globs share a name: the usual table, row by row, over both texts."""
    row = [True] + [False] * len(other)
    for j, b in enumerate(other):
        row[j + 1] = row[j] and b == "*"
    for a in one:
        above, row = row, [row[0] and a == "*"] + [False] * len(other)
        for j, b in enumerate(other):
            if "*" in (a, b):  # it stands for nothing, or eats one character (or star) of the other side
                row[j + 1] = above[j + 1] or row[j]
            else:
                row[j + 1] = above[j] and (a == b or "?" in (a, b))
    return row[-1]
