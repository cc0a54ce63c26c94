"""Patterns under RE2: linear time whatever the text holds, so no prompt can make a pattern run away (no ReDoS)."""

import re2

# Letters of the four languages and their neighbours (Latin-1, Extended-A and -B, Additional). `\p{L}` is far larger as
# an automaton and the models read no other script.
UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȘȚ"
LOWER = "a-zß-öø-ÿāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįıĵķĸĺļľŀłńņňŉŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷźżžșț"
LETTER = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
BEFORE = f"(?:^|[^{LETTER}0-9_])"  # stands in for a look-behind, which RE2 has not


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> "re2._Regexp":
    """Compile under RE2 with memory enough for large alternations. `^` is the start of the text."""
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.max_mem = 64 << 20
    options.log_errors = False
    return re2.compile(pattern, options=options)


class PatternSet:
    """Which of many patterns occur in a text, in one pass over it."""

    def __init__(self, patterns: list[str]) -> None:
        options = re2.Options()
        options.max_mem = 256 << 20  # a set that runs out of memory answers "nothing": leave it far from that
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            if self._set.Add(pattern) < 0:
                raise ValueError("a pattern does not compile")
        self._set.Compile()

    def present(self, text: str) -> list[int]:
        """Indices of the patterns that occur."""
        return self._set.Match(text) or []


def is_word(char: str) -> bool:
    """A letter, a digit or an underscore, in any script."""
    return char.isalnum() or char == "_"


def stands_alone(text: str, start: int, end: int) -> bool:
    """No letter or digit touches `text[start:end]`."""
    return not (start > 0 and is_word(text[start - 1])) and not (end < len(text) and is_word(text[end]))
