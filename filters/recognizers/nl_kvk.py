"""Dutch chamber of commerce number: eight digits, establishments twelve; no check. Public data: noted."""

from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict


class NlKvk(NumberIdentifier):
    """With context close by."""

    entities = ("NL_KVK",)
    proves_itself = False
    lengths = (8, 12)
    context_words = r"kvk|kamer van koophandel|handelsregister|vestigingsnummer|chamber of commerce"
    reach = 30

    def judge(self, number: Number) -> Verdict | None:
        """Written in one piece."""
        return Verdict("NL_KVK", Proof.FORM) if len(number.groups) == 1 else None
