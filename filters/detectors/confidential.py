"""Markings of confidential documents (standards.md §6.5), by word form and by place on the page.

"Een vertrouwelijk gesprek" is prose. A marking stands alone on its line, opens or closes it, or is written in capitals.
Classified levels of Belgium, the Netherlands, NATO and the EU, TLP 2.0, and the levels below classification.
"""

import re
from collections.abc import Sequence

from filters.entities import ENTITY_TYPES
from filters.findings import Finding, OperatingPoint, Slot
from filters.normalize import line_starts
from filters.patterns import compile_pattern

_EDGE, _END = r"(?:^|[^\pL\pN])", r"(?:[^\pL\pN]|$)"

# Word forms that nothing but a marking has, wherever they stand.
_CERTAIN: tuple[tuple[str, str], ...] = (
    (
        "MARKING_CLASSIFIED",
        (
            r"(?i:(?:stg\.?|staatsgeheim) ?:? ?(?:zeer geheim|geheim|confidentieel)|(?:dep\.|departementaal)"
            r" ?vertrouwelijk)"
            r"|(?i:cosmic top secret|nato (?:secret|confidential|restricted)|otan (?:secret|confidentiel|diffusion"
            r" restreinte))"
            r"|(?i:(?:très secret|secret|confidentiel|restreint) ue(?: ?/ ?eu (?:top secret|secret|confidential"
            r"|restricted))?)"
            r"|EU (?:TOP SECRET|SECRET|CONFIDENTIAL|RESTRICTED)"
            r"|(?i:vs[ -]nur für den dienstgebrauch|vs-nfd|vs-vertraulich)"
            r"|(?i:zeer geheim|geheim|vertrouwelijk|beperkt) ?(?:\(|/|-|–) ?(?i:wet(?: van)? 11(?:[./]12[./]|"
            r" december )1998|loi du 11(?:[./]12[./]| décembre )1998)"
            r"|(?i:(?:zeer geheim|geheim|vertrouwelijk|beperkt) ?/ ?(?:très secret|secret|confidentiel|restreint))"
        ),
    ),
    ("MARKING_TLP", r"(?i:tlp ?[:：] ?(?:red|amber(?:\+strict)?))"),
    ("MARKING_TLP_GREEN", r"(?i:tlp ?[:：] ?green)"),
    ("MARKING_TLP_CLEAR", r"(?i:tlp ?[:：] ?(?:clear|white))"),
    (
        "MARKING_INTERNAL",
        (
            r"(?i:icr[ -]?(?:klasse|niveau)? ?[2-5]|informatieklasse ?[2-5])|(?i:beperkte verspreiding|diffusion"
            r" restreinte)"
            r"|(?i:niet[ -]beslist beleid|niet voor verspreiding|strikt vertrouwelijk|strictement confidentiel|streng"
            r" vertraulich)"
            r"|(?i:alleen voor intern gebruik|uitsluitend voor intern gebruik|usage interne uniquement|nur für den"
            r" internen gebrauch|for internal use only)"
        ),
    ),
)
# Ordinary words: only in capitals, alone on a line, after "classificatie:", or opening or closing a line.
_BY_PLACE: tuple[tuple[str, str], ...] = (
    ("MARKING_CLASSIFIED", r"zeer geheim|très secret|geheim|secret|beperkt|restreint|top secret|streng geheim"),
    (
        "MARKING_INTERNAL",
        (
            r"vertrouwelijk|confidentieel|confidentiel|vertraulich|confidential|intern gebruik|usage interne|internal"
            r" use|intern|interne|internal"
            r"|embargo|onder embargo|sous embargo|niet openbaar|niet-openbaar|non public|ontwerp ?- ?niet verspreiden"
        ),
    ),
)
_LABEL = re.compile(
    r"(?:classificatie|classification|klassifizierung|rubricering|marking|markering|vertrouwelijkheid|niveau|klasse|einstufung"
    r"|statuut|status)\s*[:=]?\s*$",
    re.IGNORECASE,
)
_DECORATION = re.compile(r"[\s\-*#_=|/\\\[\](){}<>«»\"'.:!~•–—]*")
_SEPARATED = re.compile(r"^\s*[\-*#_=|\[\]:–—•]")
_SHORT_LINE = 60


class ConfidentialFilter:
    """Markings; the same at both points."""

    name = "confidential"

    def __init__(self) -> None:
        self._certain = [(kind, compile_pattern(f"{_EDGE}({pattern}){_END}")) for kind, pattern in _CERTAIN]
        self._by_place = [(kind, compile_pattern(f"{_EDGE}(?i:({pattern})){_END}")) for kind, pattern in _BY_PLACE]

    def inspect(self, slots: Sequence[Slot], point: OperatingPoint) -> list[Finding]:
        """One finding a marking."""
        del point
        return [finding for number, slot in enumerate(slots) for finding in self._slot(number, slot.text)]

    def _slot(self, number: int, text: str) -> list[Finding]:
        spans = [(kind, *match.span(1)) for kind, pattern in self._certain for match in pattern.finditer(text)]
        line_start = None
        for kind, pattern in self._by_place:
            for match in pattern.finditer(text):
                line_start = line_start or line_starts(text)
                start, end = match.span(1)
                if _is_marking(text, line_start(start), start, end):
                    spans.append((kind, start, end))
        return [
            Finding(number, start, end, kind, ENTITY_TYPES[kind].category, 0.9, "markings")
            for kind, start, end in spans
        ]


def _is_marking(text: str, line: int, start: int, end: int) -> bool:
    stop = text.find("\n", end, end + 2 * _SHORT_LINE)
    after = text[end : stop if stop >= 0 else end + 2 * _SHORT_LINE]
    before = text[max(line, start - 2 * _SHORT_LINE) : start]
    value = text[start:end]
    alone = bool(_DECORATION.fullmatch(before)) and bool(_DECORATION.fullmatch(after))
    if alone and "\n" in text.strip():
        return True
    if alone:
        return value.isupper() or len(after.strip()) > 0 or len(before.strip()) > 0
    if _LABEL.search(before):
        return True
    if value.isupper():
        # In capitals inside a line that is not all capitals, or set apart in a heading.
        letters = [char for char in before + after if char.isalpha()]
        shouted = sum(map(str.isupper, letters)) > len(letters) / 2
        return not shouted or bool(_SEPARATED.match(after)) or bool(_DECORATION.fullmatch(before))
    # "Vertrouwelijk - verslag van het college": opens the line and is set apart from it.
    return bool(_DECORATION.fullmatch(before)) and value[0].isupper() and bool(_SEPARATED.match(after))
