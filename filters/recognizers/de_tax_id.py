"""German tax identification number: eleven digits, ISO 7064."""

from stdnum.de import idnr

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class DeTaxId(NumberIdentifier):
    """With context: in this region eleven digits are more often something else."""

    entities = ("DE_TAX_ID",)
    proves_itself = False
    lengths = (11,)
    context_words = r"steuer|idnr|tin\b|tax id|fiscaal nummer|numéro fiscal"

    def judge(self, number: Number) -> Verdict | None:
        """The check."""
        return Verdict("DE_TAX_ID", Proof.FORM) if idnr.is_valid(number.digits) else None
