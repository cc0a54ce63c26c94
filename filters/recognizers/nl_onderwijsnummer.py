"""Dutch education number: nine digits, eleven-test with remainder five."""

from stdnum.nl import onderwijsnummer

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class NlOnderwijsnummer(NumberIdentifier):
    """With context."""

    entities = ("NL_ONDERWIJSNUMMER",)
    proves_itself = False
    lengths = (9,)
    context_words = r"onderwijsnummer|persoonsgebonden nummer|leerling|student|pgn"

    def judge(self, number: Number) -> Verdict | None:
        """The check."""
        return Verdict("NL_ONDERWIJSNUMMER", Proof.FORM) if onderwijsnummer.is_valid(number.digits) else None
