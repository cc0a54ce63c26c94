"""Values in an encoding: base64, percent signs, HTML entities, backslash-u. Decoded, looked at, and covered whole.

Only what proves itself counts, and the whole encoded run is the finding: a part of it cannot be replaced.
"""

import base64
import binascii
import html
import re
import urllib.parse
from collections.abc import Callable, Iterator, Sequence

from filters.entities import ENTITY_TYPES
from filters.findings import Finding, OperatingPoint, Slot
from filters.normalize import normalize
from filters.patterns import compile_pattern

_BASE64 = compile_pattern(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_ESCAPED = compile_pattern(r"[^\s\"'<>]*(?:%[0-9A-Fa-f]{2}|&#x?[0-9A-Fa-f]{1,6};|\\u[0-9A-Fa-f]{4})[^\s\"'<>]*")
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_PROVEN = 0.85
_PRINTABLE = 0.9
_LONGEST = 100_000  # characters of one run that are decoded; the rest of a longer run is looked at in further pieces


class EncodedFilter:
    """`look` finds in plain text what proves itself."""

    name = "encoded"

    def __init__(self, look: Callable[[str], list[Finding]]) -> None:
        self._look = look

    def inspect(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """The same at both points."""
        del point
        return [finding for number, slot in enumerate(slots) for finding in self._slot(number, slot.text)]

    def _slot(self, number: int, text: str) -> Iterator[Finding]:
        for start, end, decoded in _decoded(text):
            found = [f for f in self._look(normalize(decoded).text) if f.score >= _PROVEN]
            if found:
                worst = max(found, key=lambda f: (ENTITY_TYPES[f.entity_type].order, f.entity_type))
                yield Finding(
                    number, start, end, worst.entity_type, worst.category, worst.score, f"encoded_{worst.origin}"
                )


def _decoded(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _BASE64.finditer(text):
        run = match.group()
        if run.isalpha() or run.isdecimal():
            continue
        for offset in range(0, len(run), _LONGEST):
            plain = _from_base64(run[offset : offset + _LONGEST])
            if plain:
                yield *match.span(), plain
    if "%" in text or "&#" in text or "\\u" in text:
        for match in _ESCAPED.finditer(text):
            run = match.group()
            plain = urllib.parse.unquote(html.unescape(_UNICODE.sub(lambda code: chr(int(code.group(1), 16)), run)))
            if plain != run:
                yield *match.span(), plain


def _from_base64(run: str) -> str | None:
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    try:
        plain = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode("utf-8", errors="ignore")
    except (binascii.Error, ValueError):
        return None
    readable = sum(char.isprintable() or char.isspace() for char in plain)
    return plain if plain and readable >= _PRINTABLE * len(bare) * 3 / 4 else None
