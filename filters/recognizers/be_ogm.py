"""Belgian structured payment reference (OGM/VCS): +++090/9337/55493+++, the first ten digits modulo 97."""

from stdnum.be import ogm_vcs

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class BeOgm(PatternIdentifier):
    """Proven between plus signs or stars; python-stdnum knows only the plus signs (§6.2)."""

    entities = ("BE_OGM",)
    patterns = (r"([+*]{3} ?[0-9]{3} ?/ ?[0-9]{4} ?/ ?[0-9]{5} ?[+*]{3})", r"([0-9]{3}/[0-9]{4}/[0-9]{5})")
    prefilter = r"[0-9]{3} ?/ ?[0-9]{4} ?/ ?[0-9]{5}"
    context_words = r"mededeling|ogm|vcs|communication|betal|paie|strukturierte|mitteilung|payment reference"

    def judge(self, value: str) -> Verdict | None:
        """Check digits."""
        digits = "".join(char for char in value if char.isdecimal())
        if not ogm_vcs.is_valid(digits):
            return None
        return Verdict("BE_OGM", Proof.PROVEN if value[0] in "+*" else Proof.CHECKED)
