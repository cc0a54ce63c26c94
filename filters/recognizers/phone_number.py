"""Telephone numbers of Belgium, the Netherlands, Luxembourg, France and Germany, and any number with a plus.

libphonenumber is dear (measured.md: more than half of all recognizers together), so it is only asked about candidates
with enough digits in a telephone's grouping, and one candidate at a time instead of by its own text matcher.
"""

import phonenumbers
from stdnum.be import vat

from filters.patterns import compile_pattern
from filters.recognizers.base import PatternIdentifier, Proof, Verdict

_DATE = compile_pattern(
    r"[0-3]?[0-9][./-][01]?[0-9][./-](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[./-][01][0-9][./-][0-3][0-9]"
)
_MOBILE = compile_pattern(r"04[5-9][0-9]{7}|06[0-9]{8}|07[3-9][0-9]{7}")
# North American form: its own grouping, also for numbers that are not given out.
_AMERICAN = compile_pattern(r"(?:\+?1[ .-]?)?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[0-9]{3}[-.][0-9]{4}")
_GROUPS = compile_pattern(r"[0-9]+")
_OURS = {"BE", "NL", "LU", "FR", "DE"}


def _valid(number: str, region: str | None) -> str | None:
    """The region for which the number is valid."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    found: str | None = phonenumbers.region_code_for_number(parsed)
    return found or "001"


class PhoneNumber(PatternIdentifier):
    """International form proves itself; national form when grouped or a mobile's; everything else needs context."""

    entities = ("PHONE_NUMBER",)
    patterns = (r"(?:^|[^0-9+])((?:\+ ?|00 ?)?\(?\+?[0-9](?:[ ]?[()./\-]{0,2}[ ]?[0-9]){7,14})",)
    prefilter = r"[0-9](?:[ ]?[()./\-]{0,2}[ ]?[0-9]){7}"
    context_words = (
        r"tel\b|tel[.:]|tél|telefo|téléphone|gsm|mobiel|mobile|portable|bel\b|bellen|opbellen|bereikbaar|fax|handy|mobil|anruf"
        r"|rufnummer|phone|call|whatsapp|sms|contactnummer|noodnummer|appel|joindre"
    )
    reach = 40

    def judge(self, value: str) -> Verdict | None:
        """Ask libphonenumber for the regions that the form allows."""
        digits = "".join(char for char in value if char.isdecimal())
        groups = tuple(len(match.group()) for match in _GROUPS.finditer(value))
        if _DATE.match(value):
            return None
        if _AMERICAN.fullmatch(value):
            return Verdict("PHONE_NUMBER", Proof.PROVEN)
        if "+" in value[:3] or value.startswith(("(+", "00")):
            return self._international(digits, plus="+" in value)
        if digits[0] == "0":
            return self._national(digits, groups)
        if any(
            _valid("+" + digits, None) in _OURS
            for prefix in ("32", "31", "352", "33", "49")
            if digits.startswith(prefix)
        ):
            return Verdict("PHONE_NUMBER", Proof.CHECKED if len(digits) > 10 else Proof.FORM)  # noqa: PLR2004
        return Verdict("PHONE_NUMBER", Proof.FORM) if _valid(digits, "LU") else None

    @staticmethod
    def _international(digits: str, *, plus: bool) -> Verdict | None:
        number = digits.removeprefix("00").replace("320", "32", 1) if digits.startswith(("320", "00320")) else digits
        region = _valid("+" + number.removeprefix("00"), None)
        if region is None:
            # "+32 (0)478 …": the trunk zero is written but not dialled.
            return Verdict("PHONE_NUMBER", Proof.FORM) if plus else None
        return Verdict("PHONE_NUMBER", Proof.PROVEN if plus or region in _OURS else Proof.FORM)

    @staticmethod
    def _national(digits: str, groups: tuple[int, ...]) -> Verdict | None:
        if groups == (4, 3, 3) and vat.is_valid(digits):
            return None  # a Belgian enterprise number
        if any(_valid(digits, region) for region in ("BE", "NL", "FR")):
            grouped = len(groups) > 1 and groups[0] in (2, 3, 4)
            return Verdict("PHONE_NUMBER", Proof.PROVEN if grouped or _MOBILE.fullmatch(digits) else Proof.CHECKED)
        return Verdict("PHONE_NUMBER", Proof.FORM) if _valid(digits, "DE") else None
