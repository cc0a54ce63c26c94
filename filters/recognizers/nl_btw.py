"""Dutch VAT number: NL123456789B01. The old form of a sole trader contains the BSN (standards.md §6.2)."""

from stdnum.nl import btw

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class NlBtw(PatternIdentifier):
    """The letters around the digits and the check together prove it."""

    entities = ("NL_BTW",)
    patterns = (r"(?i)(NL ?[0-9]{4}[. ]?[0-9]{2}[. ]?[0-9]{3}[. ]?B[. ]?[0-9]{2})", r"(?i)([0-9]{9}B[0-9]{2})")
    prefilter = r"[Bb][. ]?[0-9]{2}"
    context_words = r"btw|omzetbelasting|tva|mwst|umsatzsteuer|vat"

    def judge(self, value: str) -> Verdict | None:
        """Check digits."""
        return Verdict("NL_BTW", Proof.PROVEN) if btw.is_valid(value) else None
