"""Dutch citizen service number: nine digits, eleven-test. One in eleven random numbers passes (standards.md §6.1)."""

from stdnum.nl import bsn

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class NlBsn(NumberIdentifier):
    """In text only with context. An atom that is wholly such a number counts: an atom has no room for context."""

    entities = ("NL_BSN",)
    proves_itself = False
    lengths = (9,)
    context_words = (
        r"bsn|burgerservice|burger service|sofi|citizen service number|numéro bsn|bürgerservicenummer|a-nummer|rsin"
    )

    def judge(self, number: Number) -> Verdict | None:
        """Eleven-test."""
        return Verdict("NL_BSN", Proof.CHECKED) if bsn.is_valid(number.digits) else None
