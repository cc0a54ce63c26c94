"""French social security number: thirteen characters and a key, modulo 97; 2A and 2B for Corsica."""

from stdnum.fr import nir

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class FrNir(PatternIdentifier):
    """Sex, year, month, department, serial and key: proven."""

    entities = ("FR_NIR",)
    patterns = (
        r"(?i)([1278][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9][0-9AB][ .-]?[0-9]{3}[ .-]?[0-9]{3}[ .-]{0,2}[0-9]{2})",
    )
    prefilter = r"[1278][ .-]?[0-9]{2}[ .-]?[0-9]{2}[ .-]?[0-9]"
    context_words = r"nir\b|sécurité sociale|numéro de sécu|insee|sociale zekerheid|social security|sozialversicherung"

    def judge(self, value: str) -> Verdict | None:
        """The key; a bare run of fifteen digits passes once in ninety-seven times, so it needs a plausible month."""
        if not nir.is_valid(value):
            return None
        month = int("".join(char for char in value if char.isdecimal())[3:5])
        usual = 1 <= month <= 12 or 20 <= month <= 42 or month >= 50  # noqa: PLR2004 (INSEE's codes of unknown months)
        return Verdict("FR_NIR", Proof.PROVEN if usual else Proof.CHECKED)
