"""Belgian number plate: 1-ABC-123 since 2010; older forms only with context. No check exists."""

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class BePlate(PatternIdentifier):
    """The present form proves itself, with dashes; noted only (§6.2)."""

    entities = ("BE_PLATE",)
    patterns = (
        r"(?:^|[^A-Z0-9-])([1289]-[A-Z]{3}-[0-9]{3})(?:[^0-9-]|$)",
        r"(?:^|[^A-Z0-9-])([1289] ?[A-Z]{3} ?[0-9]{3}|[A-Z]{3}[- ][0-9]{3}|[0-9]{3}[- ][A-Z]{3})(?:[^0-9-]|$)",
    )
    prefilter = r"[A-Z]{3}"
    context_words = (
        r"nummerplaat|kenteken|plaque|immatricul|kennzeichen|nummernschild|number plate|licen[cs]e plate|voertuig"
    )

    def judge(self, value: str) -> Verdict | None:
        """The form is all there is."""
        return Verdict("BE_PLATE", Proof.PROVEN if value.count("-") == 2 else Proof.FORM)  # noqa: PLR2004
