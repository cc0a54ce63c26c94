"""IMEI of a mobile device: fifteen digits, Luhn; one in ten random numbers passes, so with context."""

from stdnum import imei

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class Imei(NumberIdentifier):
    """With context."""

    entities = ("IMEI",)
    proves_itself = False
    lengths = (15,)
    context_words = r"imei|toestel|gsm|smartphone|téléphone|handy|device"

    def judge(self, number: Number) -> Verdict | None:
        """Luhn, through the library."""
        return Verdict("IMEI", Proof.FORM) if imei.is_valid(number.digits) else None
