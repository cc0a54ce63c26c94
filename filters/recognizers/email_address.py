"""E-mail address. No list of public suffixes is asked: addresses inside an administration's network count too."""

from filters.patterns import LETTER
from filters.recognizers.base import PatternIdentifier, Proof, Verdict

_LOCAL = rf"[{LETTER}0-9](?:[{LETTER}0-9._%+'\-]*[{LETTER}0-9_+\-])?"
_HOST = rf"[{LETTER}0-9](?:[{LETTER}0-9\-]*[{LETTER}0-9])?(?:\.[{LETTER}0-9](?:[{LETTER}0-9\-]*[{LETTER}0-9])?)*"
_AT = r"(?: ?(?:\(at\)|\[at\]|\{at\}|<at>|\(a\)) ?| (?:apenstaartje|arobase|klammeraffe) )"
_LABEL = rf"[{LETTER}0-9\-]+"
_SPELLED = r" (?:dot|punt|point|punkt) "
_DOT = r"(?:\.| (?:dot|punt|point|punkt) | ?\((?:dot|punt|point|punkt)\) ?| ?\[(?:dot|punt|point|punkt)\] ?)"


class EmailAddress(PatternIdentifier):
    """The usual form, and the common disguises with (at) and [dot]."""

    entities = ("EMAIL_ADDRESS",)
    patterns = (
        rf"({_LOCAL}@{_HOST}\.[{LETTER}]{{2,24}})",
        rf"({_LOCAL} ?@ ?{_HOST}\.[{LETTER}]{{2,24}})",
        rf"(?i)({_LOCAL}{_AT}[{LETTER}0-9\-]+(?:{_DOT}[{LETTER}0-9\-]+)*{_DOT}[{LETTER}]{{2,24}})",
        # "look at example.org" is no address: spelled out, the dot must be spelled out too.
        rf"(?i)({_LOCAL} at {_LABEL}(?:{_SPELLED}{_LABEL})*{_SPELLED}[{LETTER}]{{2,24}})",
        rf"({_LOCAL}@\[?[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}\]?)",
    )
    prefilter = r"@|(?i)[(\[{<]at?[)\]}>]| (?:at|apenstaartje|arobase|klammeraffe) "

    def judge(self, value: str) -> Verdict | None:
        """The form is proof enough; too long a one is no address (RFC 5321)."""
        return Verdict("EMAIL_ADDRESS", Proof.PROVEN) if len(value) <= 320 else None  # noqa: PLR2004
