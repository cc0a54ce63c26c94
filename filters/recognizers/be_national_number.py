"""Belgian national number and BIS number: 97 minus the first nine digits modulo 97 (standards.md §6.2)."""

from stdnum.be import bis, nn

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict

# As people write it: 85073000061, 85.07.30-000.61, 850730 000 61, 850730-00061, 85 07 30 000 61.
_WRITTEN = {(11,), (2, 2, 2, 3, 2), (6, 3, 2), (6, 5), (2, 2, 2, 5), (9, 2), (1,) * 11}


class BeNationalNumber(NumberIdentifier):
    """A national number is proven when it is written as one; in another grouping it needs context."""

    entities = ("BE_NATIONAL_NUMBER", "BE_BIS_NUMBER")
    # 10: a JSON number has lost the leading zero of somebody born in 2000 to 2009.
    lengths = (11, 10)
    context_words = (
        r"rijksregister|rrn|insz|nationaal nummer|bis-?nummer|bisnr|identificatienummer|registre national|numéro"
        r" national"
        r"|num[eé]ro bis|niss|nrn|n\. ?n\.|nationalregister|nationalnummer|erkennungsnummer|national (?:register"
        r" )?number"
    )

    def judge(self, number: Number) -> Verdict | None:
        """Check digit, month and grouping."""
        digits = number.digits.zfill(11)
        proof = Proof.PROVEN if number.groups in _WRITTEN else Proof.CHECKED
        if len(number.digits) < len(digits):
            if len(number.groups) > 1:
                return None
            proof = Proof.CHECKED
        if nn.is_valid(digits):
            return Verdict("BE_NATIONAL_NUMBER", proof)
        if bis.is_valid(digits):
            return Verdict("BE_BIS_NUMBER", proof)
        return None
