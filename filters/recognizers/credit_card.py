"""Payment card number: thirteen to nineteen digits, Luhn and issuer range (ISO/IEC 7812)."""

from stdnum import luhn

from filters.patterns import compile_pattern
from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict

# Visa · Mastercard · American Express · Discover · Diners · JCB, each with its lengths.
_ISSUER = compile_pattern(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}|3(?:0[0-59]|[689][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12}"
)
_MAESTRO = compile_pattern(r"(?:5[06-8]|6[0-9])[0-9]{11,17}")
_FIRST = frozenset("23456")
_WRITTEN = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (16,), (15,), (4, 4, 4, 4, 3)}


class CreditCard(NumberIdentifier):
    """One in ten random numbers passes Luhn, one in forty of sixteen digits also an issuer's range and the grouping."""

    entities = ("CREDIT_CARD",)
    lengths = (13, 14, 15, 16, 17, 18, 19)
    context_words = (
        r"kaart|visa|master ?card|maestro|amex|american express|bancontact|carte|crédit|karte|card|cvc|cvv|vervaldatum"
    )

    def judge(self, number: Number) -> Verdict | None:
        """Luhn, then the issuer."""
        if number.digits[0] not in _FIRST or not luhn.is_valid(number.digits):
            return None
        if _ISSUER.fullmatch(number.digits):
            return Verdict("CREDIT_CARD", Proof.PROVEN if number.groups in _WRITTEN else Proof.CHECKED)
        return Verdict("CREDIT_CARD", Proof.FORM) if _MAESTRO.fullmatch(number.digits) else None
