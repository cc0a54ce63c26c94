"""Belgian number of a health-care provider (RIZIV/INAMI): x-nnnnn-cc-qqq, control over the first six digits."""

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class BeRiziv(NumberIdentifier):
    """Control modulo 97 or, for newer numbers, modulo 89; one in fifty random numbers passes, so with context."""

    entities = ("BE_RIZIV",)
    proves_itself = False
    lengths = (11, 8)
    context_words = r"riziv|inami|likiv|niihdi"

    def judge(self, number: Number) -> Verdict | None:
        """Either control."""
        base, control = int(number.digits[:6]), int(number.digits[6:8])
        if control not in {97 - base % 97, 89 - base % 89}:
            return None
        return Verdict("BE_RIZIV", Proof.FORM)
