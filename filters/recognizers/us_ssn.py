"""US social security number, 3-2-4 with dashes: foreign files hold them, and outside test suites ask for them."""

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class UsSsn(PatternIdentifier):
    """No check exists; the grouping is its own. Numbers that were never issued count too: who typed it meant one."""

    entities = ("US_SSN",)
    patterns = (r"(?:^|[^0-9-])([0-9]{3}-[0-9]{2}-[0-9]{4})(?:[^0-9-]|$)",)
    prefilter = r"[0-9]{3}-[0-9]{2}-[0-9]{4}"
    context_words = r"ssn|social security"

    def judge(self, value: str) -> Verdict | None:
        """The form."""
        return Verdict("US_SSN", Proof.PROVEN) if value[:3] != "000" else None
