"""Bank account number (ISO 13616): country, length and modulo 97."""

from collections.abc import Iterator

from stdnum import iban

from filters.patterns import compile_pattern
from filters.recognizers.base import PatternIdentifier, Proof, Verdict

_TAIL = compile_pattern(r"(?i)(?:[ .\-/_\n]{0,2}[A-Z0-9]){11,30}")


class IbanCode(PatternIdentifier):
    """Proven by country, length and check digits. The longest stretch of groups that checks counts."""

    entities = ("IBAN_CODE",)
    patterns = (r"(?i)(?:^|[^A-Z0-9]|IBAN)([A-Z] ?[A-Z][ .\-/_]?[0-9] ?[0-9])",)
    prefilter = r"[A-Za-z] ?[A-Za-z][ .\-/_]?[0-9] ?[0-9]"

    def candidates(self, text: str) -> Iterator[tuple[int, int, Verdict]]:
        """Every possible beginning, since one that is none ("is 85.07 …") may run over a real one behind it.

        What follows runs on into the next words: it is cut back from the end until the check passes.
        """
        for match in self._patterns[0].finditer(text):
            start, head = match.span(1)
            tail = _TAIL.match(text, head)
            end = tail.end() if tail else head
            while end - start >= 15:  # noqa: PLR2004 (Norway's is the shortest)
                if (end == len(text) or not text[end].isdecimal()) and self.judge(text[start:end]):
                    yield start, end, Verdict("IBAN_CODE", Proof.PROVEN)
                    break
                end -= 1

    def judge(self, value: str) -> Verdict | None:
        """ISO 13616 and the national check where the library knows one."""
        compact = "".join(char for char in value if char.isalnum())
        valid = value[-1].isalnum() and compact.isascii() and iban.is_valid(compact, check_country=False)
        return Verdict("IBAN_CODE", Proof.PROVEN) if valid else None
