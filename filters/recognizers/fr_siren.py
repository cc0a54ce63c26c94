"""French company number: SIREN nine digits, SIRET fourteen, Luhn. Public data: noted, and only with context."""

from stdnum.fr import siren, siret

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class FrSiren(NumberIdentifier):
    """One in ten random numbers passes."""

    entities = ("FR_SIREN",)
    proves_itself = False
    lengths = (9, 14)
    context_words = r"siren|siret|rcs\b"

    def judge(self, number: Number) -> Verdict | None:
        """Luhn, through the library."""
        check = siren if len(number.digits) == 9 else siret  # noqa: PLR2004
        return Verdict("FR_SIREN", Proof.FORM) if check.is_valid(number.digits) else None
