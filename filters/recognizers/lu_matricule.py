"""Luxembourg matricule: birth date, serial, Luhn and Verhoeff digit, both over the first eleven (standards.md §6.2)."""

import datetime as dt

from stdnum import luhn, verhoeff

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class LuMatricule(NumberIdentifier):
    """Date and two check digits: proven."""

    entities = ("LU_MATRICULE",)
    lengths = (13,)
    context_words = r"matricule|matrikel|luxemb"

    def judge(self, number: Number) -> Verdict | None:
        """Date first, it is the cheapest."""
        digits = number.digits
        try:
            dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        except ValueError:
            return None
        if not luhn.is_valid(digits[:12]) or not verhoeff.is_valid(digits[:11] + digits[12]):
            return None
        return Verdict("LU_MATRICULE", Proof.PROVEN)
