"""Dutch passport and identity card: nine characters, no O; Belgian passport and driving licence."""

from stdnum.nl import identiteitskaartnummer

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class NlIdDocument(PatternIdentifier):
    """Form only, so always with context."""

    entities = ("NL_ID_DOCUMENT",)
    proves_itself = False
    patterns = (r"(?:^|[^A-Z0-9])([A-NP-Z]{2}[A-NP-Z0-9]{6}[0-9])",)
    prefilter = r"[A-Z]{2}[A-Z0-9]{6}[0-9]"
    context_words = (
        r"paspoort|identiteitskaart|id-?kaart|documentnummer|document nr|passeport|carte d['’]identit|reisepass"
        r"|passport|identity card"
    )

    def judge(self, value: str) -> Verdict | None:
        """The library's rule for the characters."""
        return Verdict("NL_ID_DOCUMENT", Proof.FORM) if identiteitskaartnummer.is_valid(value) else None


class IdDocument(PatternIdentifier):
    """Belgian passport (two letters, six digits), driving licence (ten digits), German card: form only."""

    entities = ("ID_DOCUMENT",)
    proves_itself = False
    patterns = (
        r"(?:^|[^A-Z0-9])([A-Z]{2} ?[0-9]{6})",
        r"(?:^|[^0-9])([0-9]{10})",
        r"(?:^|[^A-Z0-9])([CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}[0-9]?)",
    )
    prefilter = r"[0-9]{4}"
    context_words = (
        r"paspoort|rijbewijs|passeport|permis de conduire|reisepass|führerschein|personalausweis|ausweisnummer|passport"
        r"|driving licen[cs]e|driver'?s licen[cs]e|verblijfskaart|verblijfstitel|titre de séjour|aufenthaltstitel"
    )
    reach = 40

    def judge(self, value: str) -> Verdict | None:
        """At least four digits: words in capitals are not numbers."""
        enough = sum(char.isdecimal() for char in value) >= 4  # noqa: PLR2004
        return Verdict("ID_DOCUMENT", Proof.FORM) if enough else None
