"""Street addresses in the four languages: street and number, with box, postcode and municipality where they follow."""

from collections.abc import Iterator

from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from filters.gazetteer import Gazetteer
from filters.patterns import BEFORE, LETTER, LOWER, UPPER, compile_pattern
from filters.recognizers.base import ANY_TEXT
from filters.recognizers.name_shapes import NOT_NAMES, STREET_ENDING, WORD

_NUMBER = (
    r"(?:,? ?(?:nr\.? ?|nummer |huisnummer |n° ?|no\. ?|numéro |Nr\. ?)?[1-9][0-9]{0,4}(?: ?[a-zA-Z]\b)?"
    r"(?: ?(?:bis|ter)\b)?"
    r"(?:[-/][0-9]{1,4}(?:[a-zA-Z]\b)?)?"
    r"(?:,? ?(?:bus|bte\.?|boîte|b\.|box|app\.?|appartement|apt\.?|verdieping|/) ?[0-9A-Za-z]{1,4}\b)?)"
)
_PLACE = (
    rf"(?:(?:St|Sint|Saint)[. ] ?)?[{UPPER}'’][{LETTER}'’]*"
    r"(?:[- ](?:(?:aan|op|am|im|an|der|de|den|het|sur|sous|le|la|les|en|lez|bei)[- ])?"
    rf"(?:[{UPPER}][{LETTER}'’]+)){{0,3}}"
)
_POSTCODE = r"(?:(?:BE?|NL|LU?|DE?|FR?)[- ])?(?:[1-9][0-9]{3}(?: ?[A-Z]{2}\b)?|[0-9]{5})"
_BRITISH = r"[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}"
_TAIL = rf"(?:(?:,? ?\n? ?|,? (?:te|à|in|at) )(?:{_POSTCODE},? {_PLACE}|{_POSTCODE}\b))?"

_DUTCH = rf"(?:(?:{WORD}|[Dd]en?|[Dd]er|[Vv]an|[Hh]et|'t|St\.) ){{0,4}}[{UPPER}][{LETTER}'’.-]*{STREET_ENDING}"
_DUTCH_NUMBERED = (
    rf"(?:(?:{WORD}|[Dd]en?|[Vv]an|[Hh]et|'t) ){{0,2}}[{UPPER}][{LETTER}'’-]*"
    r"(?:kade|voorhout|veld|heide|dries|wal|vest|steeg|drift|oever|haven|akker|ring|hof|boulevard|kwartier|weide|rak)"
    r"|(?:(?:Grote|Oude|Nieuwe|Kleine|Lange|Korte|Hoge|Lage) )?"
    r"(?:Markt|Kouter|Dorp|Plein|Kaai|Dijk|Heide|Dries|Dam|Rokin|Hof)"
    rf"|(?:Steenweg|Baan|Weg|Dreef|Laan) (?:op|naar|van|tot) {WORD}|(?:Ter|Ten|Aan de|Aan het) {WORD}"
    r"|[A-Z]{3,}(?:STRAAT|LAAN|DREEF|PLEIN|STEENWEG|WEG|LEI|MARKT|GRACHT|SINGEL)"
)
_ANY_STREET = rf"{WORD}(?: (?:(?:van|de|den|der|het|op|ter|ten|du|des|la|le|von|dem|zum|am) ){{0,2}}{WORD}){{0,3}}"
_DUTCH_LOWER = rf"[{LOWER}]{{3,}}(?:straat|laan|dreef|steenweg|plein|gracht|singel|kaai)"
_FRENCH = (
    r"(?i:rue|avenue|av\.|boulevard|bd\.?|chaussée|place|quai|chemin|allée|impasse|route|square|clos|sentier|drève|venelle)"
    rf"(?: (?:de|du|des|la|le|les|aux?|à|en|saint|sainte)| (?:de )?[dl]['’]| {WORD}){{0,5}} ?{WORD}"
)
_GERMAN = (
    rf"(?:(?:[{UPPER}][{LETTER}-]*[ -]){{0,2}}[{UPPER}]?[{LETTER}-]*(?:[Ss]traße|[Ss]trasse|[Ss]tr\.)"
    rf"|(?:[{UPPER}][{LETTER}-]*[ -]){{0,2}}[{UPPER}][{LETTER}-]*"
    r"(?:[Pp]latz|[Ww]eg|[Aa]llee|[Gg]asse|[Rr]ing|[Uu]fer|[Dd]amm))"
)
# "Am Bach 12"; a number of four digits would be a year: "Im Juni 2003".
_GERMAN_BY = rf"(?:Am|An der|Im|Zum|Zur|Auf der|Auf dem|In der) {WORD} [1-9][0-9]{{0,2}}(?: ?[a-z]\b)?\b"
_ENGLISH = (
    rf"[1-9][0-9]{{0,4}}[a-zA-Z]?,? (?:{WORD} ){{1,3}}"
    r"(?:Street|Road|Avenue|Lane|Drive|Square|Court|Close|Way|Crescent|Terrace|Gardens|Grove|Hill|Row|St\.?|Rd\.?|Ave\.?)"
)
_WITH_NUMBER = tuple(
    compile_pattern(pattern)
    for pattern in (
        rf"{BEFORE}((?:{_DUTCH}|{_DUTCH_LOWER}|{_DUTCH_NUMBERED}){_NUMBER}{_TAIL})",
        # Whatever the street is called, a number, a postcode and a place after it make an address.
        rf"{BEFORE}({_ANY_STREET}{_NUMBER}(?:,|,? |,? ?\n){_POSTCODE},? {_PLACE})",
        rf"{BEFORE}((?:{_DUTCH}) ?\n?{_NUMBER}{_TAIL})",
        rf"{BEFORE}({_FRENCH}{_NUMBER}{_TAIL})",
        rf"{BEFORE}([1-9][0-9]{{0,3}}(?: ?(?:bis|ter|[A-Za-z]\b))?,? {_FRENCH}{_TAIL})",
        rf"{BEFORE}({_GERMAN}{_NUMBER}{_TAIL})",
        rf"{BEFORE}({_GERMAN_BY}{_TAIL})",
        rf"{BEFORE}({_ENGLISH}(?:,? {WORD},? {_BRITISH}|,? {_BRITISH}|,? {_PLACE})?{_TAIL})",
        # "adres: Markt 1", "wonende te Dorp 12": the word before tells that it is a street.
        (
            r"(?i:adres|wonend(?:e)? (?:te|op|aan)?|woont (?:te|op|in|aan)|domicilié à|wohnhaft|adresse|address)"
            r"(?: is)? ?:? "
            rf"(?:het |de |in |am |te )?({WORD}(?: {WORD}){{0,2}}{_NUMBER}{_TAIL})"
        ),
    )
)
_STREET_ALONE = compile_pattern(
    rf"{BEFORE}({_DUTCH}|(?:{_FRENCH})|(?:[{UPPER}][{LETTER}-]*(?:straße|strasse|gasse|allee)))"
)
_POSTCODE_PLACE = compile_pattern(rf"{BEFORE}({_POSTCODE},? ({_PLACE}))")
_MORE = compile_pattern(
    rf"^((?:,? (?:te|à|in|at) |,? ?\n? ?)(?:{_POSTCODE},? )?)(([{LETTER}'’-]+)(?: [{LETTER}'’-]+)?(?: [{LETTER}'’-]+)?)"
)
_MORE_REACH = 60


class StreetAddress(LocalRecognizer):
    """With a number it is an address (STREET_ADDRESS); a street or "9000 Gent" alone is a place (LOCATION)."""

    def __init__(self, gazetteer: Gazetteer, language: str = ANY_TEXT) -> None:
        self._cities = gazetteer.city_words
        super().__init__(
            supported_entities=["STREET_ADDRESS", "LOCATION"], supported_language=language, name=type(self).__name__
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Addresses, then places; a postcode with a place that touches an address becomes part of it."""
        del nlp_artifacts
        addresses = list(self._addresses(text))
        places = list(self._places(text))
        joined = [_join(text, self._with_place(text, *span), places) for span in addresses]
        found = [("STREET_ADDRESS", *span, 0.85) for span in joined]
        found += [("LOCATION", *span, 0.7) for span in places]
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return [
            RecognizerResult(kind, start, end, score, recognition_metadata=metadata)
            for kind, start, end, score in found
            if kind in entities
        ]

    @staticmethod
    def _addresses(text: str) -> Iterator[tuple[int, int]]:
        for pattern in _WITH_NUMBER:
            for match in pattern.finditer(text):
                start, end = match.span(1)
                yield _without_opening(text, start, end)

    def _with_place(self, text: str, start: int, end: int) -> tuple[int, int]:
        """A municipality of the list right behind belongs to the address, in whatever case it is written."""
        match = _MORE.search(text[end : end + _MORE_REACH])
        if not match:
            return start, end
        words = match.group(2).split(" ")
        for count in range(len(words), 0, -1):
            place = " ".join(words[:count])
            if place.lower() in self._cities:
                return start, end + match.end(1) + len(place)
        return start, end

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        for match in _STREET_ALONE.finditer(text):
            start, end = _without_opening(text, *match.span(1))
            if end - start > 5:  # noqa: PLR2004 ("Park", "Weg")
                yield start, end
        for match in _POSTCODE_PLACE.finditer(text):
            place = match.group(2).lower()
            if place in self._cities or place.split(" ")[0] in self._cities:
                yield match.span(1)


def _without_opening(text: str, start: int, end: int) -> tuple[int, int]:
    """Words that open a sentence are no part of a street: "In de Kerkstraat 5" starts at Kerkstraat."""
    words = text[start:end].split(" ")
    while len(words) > 1 and (words[0] in NOT_NAMES or words[0] in {"den", "van", "de", "der", "het", "'t"}):
        if words[1][:1].isdecimal():
            break
        start += len(words[0]) + 1
        words = words[1:]
    return start, end


def _join(text: str, span: tuple[int, int], places: list[tuple[int, int]]) -> tuple[int, int]:
    """Take in "9000 Gent," right before the street and ", Gent" right after it."""
    start, end = span
    for a, b in places:
        if b <= start and start - b <= 3 and not text[b:start].strip(" ,\n-"):  # noqa: PLR2004
            start = a
        elif a >= end and a - end <= 3 and not text[end:a].strip(" ,\n-"):  # noqa: PLR2004
            end = b
    return start, end
