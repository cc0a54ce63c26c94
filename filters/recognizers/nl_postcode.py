"""Dutch postcode with a house number beside it: together they are an address (standards.md §6.2)."""

from collections.abc import Iterator

from stdnum.nl import postcode

from filters.patterns import compile_pattern
from filters.recognizers.base import PatternIdentifier, Proof, Verdict

_AFTER = compile_pattern(r"^(?:,? (?:nr\.?|nummer|huisnummer|huisnr\.?)? ?|[ /-])([0-9]{1,5}(?: ?[a-zA-Z]\b)?)")
_BEFORE = compile_pattern(r"[^0-9]([0-9]{1,5} ?[a-zA-Z]?)(?:,| |, |\n| \n|,\n)$")


class NlPostcode(PatternIdentifier):
    """A postcode alone is a neighbourhood; with the number it is a door."""

    entities = ("NL_POSTCODE",)
    patterns = (r"(?:^|[^0-9A-Za-z])([1-9][0-9]{3} ?[A-Z]{2})(?:[^A-Za-z]|$)",)
    prefilter = r"[1-9][0-9]{3} ?[A-Z]{2}"
    context_words = r"postcode|postkode|adres|woon|wohn|straat|code postal|postal code|zip"

    def judge(self, value: str) -> Verdict | None:
        """SA, SD and SS are not given out."""
        return Verdict("NL_POSTCODE", Proof.FORM) if postcode.is_valid(value) else None

    def candidates(self, text: str) -> Iterator[tuple[int, int, Verdict]]:
        """With a house number after it or before it the address is whole."""
        for start, end, verdict in super().candidates(text):
            after = _AFTER.search(text[end : end + 20])
            before = _BEFORE.search(text[max(0, start - 12) : start])
            if after:
                yield start, end + after.end(1), Verdict("NL_POSTCODE", Proof.PROVEN)
            elif before:
                yield start - (min(12, start) - before.start(1)), end, Verdict("NL_POSTCODE", Proof.PROVEN)
            else:
                yield start, end, verdict
