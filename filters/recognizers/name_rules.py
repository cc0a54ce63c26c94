"""Names that their surroundings give away: after a title, a greeting, a closing or a form field, after initials, or
opened by a first name from the list.
"""

from collections.abc import Iterator

from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from filters.gazetteer import Gazetteer
from filters.patterns import BEFORE, LOWER, compile_pattern
from filters.recognizers.name_shapes import INITIALS, NOT_NAMES, STREET_ENDING, SURNAME, WORD

_ROLE = (
    r"(?:de heer en mevrouw|de heer|heer|mevrouw|mevr\.?|dhr\.?|mw\.?|meneer|mijnheer|juffrouw|juf|meester|mtr\."
    r"|mr\.|dr\.?"
    r"|dokter|huisarts|notaris|advocaat|burgemeester|schepen|raadslid|gemeenteraadslid|wethouder|inspecteur|agent"
    r"|wijkagent|gerechtsdeurwaarder|deurwaarder|rechter|familie|gezin|echtpaar|cliënte?|patiënte?|collega|leerling"
    r"|directeur|buurvrouw|buurman|broer|zus|zoon|dochter|echtgenoote?|vader|moeder|wijlen|lastens|monsieur|madame|mme"
    r"|mlle|docteur|maître|échevine?|bourgmestre|famille|herr|herrn|frau|doktor|bürgermeister(?:in)?|schöffin"
    r"|rechtsanw[aä]lt(?:in)?|mrs\.?|ms\.?|miss|councillor|mayor|m\.|me)"
)
_GREETING = (
    r"(?:beste|geachte|dag|hallo|hoi|lieve|liefste|bonjour|salut|cher|chère|lieber?|guten tag|dear|hello|hi|hey)"
)
_CLOSING = (
    r"(?:(?:met )?(?:vriendelijke|hartelijke|warme|beste) (?:groet(?:en|jes)?)|groet(?:en|jes)?|mvg|vr\. ?gr\."
    r"|hoogachtend"
    r"|alvast bedankt|bien à vous|(?:bien )?cordialement|mit freundlichen grüßen|(?:viele )?grüße|gruß|kind regards"
    r"|best regards|regards|best|cheers)"
)
_FIELD = (
    r"(?:(?:naam(?: en voornaam)?|voornaam|familienaam|achternaam|aanvrager|partner|bewoner|betrokkene|volmachtgever"
    r"|getuige|afzender|contactpersoon|verslaggever|behandeld door|ambtenaar|nom|prénom|demandeur|témoin|name|vorname"
    r"|zeuge|antragsteller|full name|applicant|van|aan|from|to|de|à|von|an)[ ]{0,2}:"
    r"|mijn naam is|ik heet|ik ben|je m['’]appelle|mein name ist|ich heiße|my name is|i am)"
)

_SIMPLE = tuple(
    compile_pattern(pattern)
    for pattern in (
        rf"{BEFORE}(?i:{_ROLE})[ \t\n]+({INITIALS}{{0,3}}(?:{WORD} )?{SURNAME})",
        rf"{BEFORE}(?i:{_GREETING})[ \t]+({WORD}(?: {SURNAME})?)",
        rf"{BEFORE}(?i:{_CLOSING})[,.!]?\s+({WORD}(?: {SURNAME})*)",
        rf"{BEFORE}{_FIELD}[ \t]+({INITIALS}{{0,3}}{WORD}(?: {SURNAME})*)".replace(_FIELD, f"(?i:{_FIELD})"),
        rf"{BEFORE}({INITIALS}{{1,4}}{SURNAME})",
    )
)
_CAPITAL = compile_pattern(rf"(?:^|[^\pL0-9_-])({WORD})")
_REST = compile_pattern(rf"^(?: {SURNAME}){{1,2}}")
_REST_REACH = 80
_LOWERCASE = compile_pattern(
    rf"(?:^|[^\pL0-9_@.-])(([{LOWER}]{{3,}}(?:-[{LOWER}]{{3,}})?)"
    rf"((?: (?:van|de|den|der|vanden|te|ten|ter|el|al|ben|'t|von)){{0,3}}) ([{LOWER}'’-]{{4,}}))(?:$|[^\pL0-9_@])",
)
_STREET = compile_pattern(rf"(?i){STREET_ENDING}$")

Span = tuple[int, int]


def is_street(text: str) -> bool:
    """The text ends as streets and buildings do."""
    return _STREET.search(text) is not None


class NameRules(LocalRecognizer):
    """One object a language, all sharing the lists. The rules hold words of all four languages: texts mix them."""

    def __init__(self, language: str, gazetteer: Gazetteer) -> None:
        self._lists = gazetteer
        super().__init__(supported_entities=["PERSON"], supported_language=language, name=type(self).__name__)

    def load(self) -> None:
        """Nothing to load."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Every rule on the text."""
        del nlp_artifacts, entities
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return [
            RecognizerResult("PERSON", start, end, 0.8, recognition_metadata=metadata)
            for start, end in {*self._surroundings(text), *self._listed(text), *self._lower_case(text)}
        ]

    @staticmethod
    def _surroundings(text: str) -> Iterator[Span]:
        for pattern in _SIMPLE:
            for match in pattern.finditer(text):
                span = _trim(text, *match.span(1))
                if span:
                    yield span

    def _listed(self, text: str) -> Iterator[Span]:
        """A first name of the list, then at least one more word with a capital."""
        for match in _CAPITAL.finditer(text):
            word = match.group(1)
            first = word.split("-")[0]
            shouted = word.isupper() and word.capitalize() in self._lists.first
            if word in self._lists.first or shouted or (first != word and first in self._lists.first):
                start, end = match.span(1)
                rest = _REST.search(text[end : end + _REST_REACH])
                span = _trim(text, start, end + rest.end()) if rest else None
                if span:
                    yield span

    def _lower_case(self, text: str) -> Iterator[Span]:
        """Jan peeters: a first name that is no word, then a surname that is no word."""
        lists = self._lists
        for match in _LOWERCASE.finditer(text):
            first, particle, last = match.group(2), match.group(3), match.group(4)
            if first.split("-")[0] not in lists.first_only or first in lists.common:
                continue
            ordinary = last in lists.common or last in lists.every_word
            whole = f"{particle} {last}".strip()
            if whole in lists.last or (particle.strip() and not ordinary) or (last in lists.last_only):
                yield match.span(1)


def _trim(text: str, start: int, end: int) -> Span | None:
    """Cut trailing words that are no names; None where nothing of a name is left."""
    shown = text[start:end].split("\n", maxsplit=1)[0]
    while " " in shown and shown.rsplit(" ", 1)[1] in NOT_NAMES:
        shown = shown.rsplit(" ", 1)[0].rstrip(" -")
    opens = shown.split(" ", 1)[0]
    if len(shown) < 3 or opens in NOT_NAMES or is_street(shown) or any(map(str.isdigit, shown)):  # noqa: PLR2004
        return None
    return start, start + len(shown)
