"""German pension insurance number: two digits, birth date, initial, serial, check digit."""

from filters.recognizers.base import PatternIdentifier, Proof, Verdict

_WEIGHTS = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)


class DeSocialSecurity(PatternIdentifier):
    """Weights of the Deutsche Rentenversicherung; the letter counts as two digits."""

    entities = ("DE_SOCIAL_SECURITY",)
    proves_itself = False
    patterns = (r"([0-9]{2} ?[0-9]{6} ?[A-Z] ?[0-9]{3})",)
    prefilter = r"[0-9]{2} ?[0-9]{6} ?[A-Z] ?[0-9]{3}"
    context_words = r"rentenversicherung|sozialversicherung|versicherungsnummer|rvnr|svnr|sv-nummer|social security"

    def judge(self, value: str) -> Verdict | None:
        """Digit sums of the weighted digits, modulo ten."""
        bare = value.replace(" ", "")
        expanded = f"{bare[:8]}{ord(bare[8]) - 64:02d}{bare[9:11]}"
        total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(expanded, _WEIGHTS, strict=True))
        return Verdict("DE_SOCIAL_SECURITY", Proof.CHECKED) if total % 10 == int(bare[11]) else None
