"""Belgian national number and BIS number: 97 minus the first nine digits modulo 97 (standards.md §6.2)."""

from collections.abc import Iterator
from itertools import accumulate

from stdnum.be import bis, nn, ssn

from filters.patterns import compile_pattern, stands_alone
from filters.recognizers.base import Number, NumberIdentifier, Proof, Verdict

# Where a separator may stand in 85.07.30-000.61: after year, month, day and serial.
_CUTS = frozenset({2, 4, 6, 9, 11})
_TYPED = compile_pattern(
    r"(?:^|[^\pL\pN])"
    r"([0-9OolI]{2}[ .\-/]{0,3}[0-9OolI]{2}[ .\-/]{0,3}[0-9OolI]{2}[ .\-/]{0,3}[0-9OolI]{3}[ .\-/]{0,3}[0-9OolI]{2})"
)
_LETTERS = str.maketrans("OolI", "0011")
_DIGITS_AT_LEAST = 5


class BeNationalNumber(NumberIdentifier):
    """A national number is proven when it is written as one; in another grouping it needs context."""

    entities = ("BE_NATIONAL_NUMBER", "BE_BIS_NUMBER")
    # 10: a JSON number has lost the leading zero of somebody born in 2000 to 2009.
    lengths = (11, 10)
    any_separator = True
    context_words = (
        r"rijksregister|rrn|insz|nationaal nummer|bis-?nummer|bisnr|identificatienummer|registre national|numéro"
        r" national"
        r"|num[eé]ro bis|niss|nrn|n\. ?n\.|nationalregister|nationalnummer|erkennungsnummer|national (?:register"
        r" )?number"
    )

    def judge(self, number: Number) -> Verdict | None:
        """Check digit, month and grouping."""
        digits = number.digits.zfill(11)
        written = _CUTS.issuperset(accumulate(number.groups)) or set(number.groups) == {1}
        proof = Proof.PROVEN if written else Proof.CHECKED
        if len(number.digits) < len(digits):
            if len(number.groups) > 1 or not number.usual:
                return None
            proof = Proof.CHECKED
        if nn.is_valid(digits):
            return Verdict("BE_NATIONAL_NUMBER", proof)
        if bis.is_valid(digits):
            return Verdict("BE_BIS_NUMBER", proof)
        return None

    def candidates(self, text: str) -> Iterator[tuple[int, int, Verdict]]:
        """Also with letters typed for digits: O for 0, l or I for 1."""
        yield from super().candidates(text)
        for match in _TYPED.finditer(text):
            value = match.group(1)
            compact = "".join(filter(str.isalnum, value.translate(_LETTERS)))
            if value.translate(_LETTERS) == value or sum(map(str.isdecimal, value)) < _DIGITS_AT_LEAST:
                continue
            if stands_alone(text, *match.span(1)) and ssn.is_valid(compact):
                kind = "BE_NATIONAL_NUMBER" if nn.is_valid(compact) else "BE_BIS_NUMBER"
                yield *match.span(1), Verdict(kind, Proof.PROVEN)


BeNationalNumber.prefilter = rf"(?:{BeNationalNumber.prefilter})|(?:[0-9OolI][ .\-/]{{0,3}}){{10}}[0-9OolI]"
