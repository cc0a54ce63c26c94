"""Belgian identity card number: twelve digits, the first ten modulo 97."""

from stdnum.be import eid

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class BeEidCard(NumberIdentifier):
    """Proven in its own grouping 591-1917064-58; one in a hundred random numbers passes, so else with context."""

    entities = ("BE_EID_CARD",)
    lengths = (12,)
    context_words = (
        r"identiteitskaart|e-?id\b|kaartnummer|id-?kaart|carte d['’]identit|num[eé]ro de carte|personalausweis"
        r"|ausweisnummer|identity card|id card"
    )

    def judge(self, number: Number) -> Verdict | None:
        """Check digits."""
        if not eid.is_valid(number.digits):
            return None
        return Verdict("BE_EID_CARD", Proof.PROVEN if number.groups == (3, 7, 2) else Proof.CHECKED)
