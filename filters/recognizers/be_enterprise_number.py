"""Belgian enterprise and VAT number (KBO/BCE): 97 minus the first eight digits modulo 97. Public data: noted."""

from stdnum.be import vat

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class BeEnterpriseNumber(NumberIdentifier):
    """Proven in its own grouping 0403.199.702; a bare run of ten digits needs context."""

    entities = ("BE_ENTERPRISE_NUMBER",)
    lengths = (10,)
    context_words = (
        r"ondernemingsnummer|ondernemingsnr|kbo|btw|be\b|num[eé]ro d['’]entreprise|bce|tva|unternehmensnummer|zuo"
        r"|mwst|vat"
        r"|enterprise number|company number"
    )

    def judge(self, number: Number) -> Verdict | None:
        """Check digits and first digit."""
        if number.digits[0] not in "01" or not vat.is_valid(number.digits):
            return None
        return Verdict("BE_ENTERPRISE_NUMBER", Proof.PROVEN if number.groups == (4, 3, 3) else Proof.FORM)
