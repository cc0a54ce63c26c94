"""Date of birth: a date with a word for birth close by. A date alone is no personal data."""

from filters.recognizers.base import PatternIdentifier, Proof, Verdict

_MONTHS = (
    "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
    "|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre"
    "|januar|jänner|februar|märz|juni|juli|oktober|dezember|january|february|march|may|june|july|august|october"
    "|jan|feb|mrt|apr|jun|jul|aug|sep|sept|okt|oct|nov|dec|dez|févr|avr|juil|déc"
)


class DateOfBirth(PatternIdentifier):
    """Dates in digits or words; context within forty characters."""

    entities = ("DATE_OF_BIRTH",)
    patterns = (
        r"(?:^|[^0-9.])([0-3]?[0-9] ?[./-] ?[01]?[0-9] ?[./-] ?(?:19|20)?[0-9]{2})(?:[^0-9]|$)",
        r"(?:^|[^0-9])((?:19|20)[0-9]{2}[./-][01][0-9][./-][0-3][0-9])(?:[^0-9]|$)",
        (
            rf"(?i)(?:^|[^0-9])([0-3]?[0-9](?:\.|er|ste|de|e|st|nd|rd|th)? ?(?:of )?(?:{_MONTHS})\.?,? (?:19"
            rf"|20)[0-9]{{2}})"
        ),
        rf"(?i)(?:^|[^\pL])((?:{_MONTHS})\.? [0-3]?[0-9](?:st|nd|rd|th)?,? (?:19|20)[0-9]{{2}})",
    )
    prefilter = r"[0-9]{2}"
    context_words = (
        r"geboren|geb\.|geboorte|geb\b|°|née?\b|nés?\(?e?\)?\b|naissance|geburt|geburtsdatum|born|birth|dob\b|d\.o\.b"
        r"|naiss\."
    )
    reach = 40

    def judge(self, value: str) -> Verdict | None:
        """The form; context decides."""
        return Verdict("DATE_OF_BIRTH", Proof.FORM) if value else None

    def has_context(self, text: str, start: int, end: int) -> bool:
        """Before the date on the same or the previous line, or right after it in brackets."""
        before = text[max(0, start - self.reach) : start]
        return "°" in before[-4:] or super().has_context(
            before + text[end : end + 18].split("\n", maxsplit=1)[0], len(before), len(before)
        )
