"""MAC address of a device: six pairs of hexadecimal digits with one kind of separator, or Cisco's three groups."""

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class MacAddress(PatternIdentifier):
    """Broadcast and all zeroes say nothing."""

    entities = ("MAC_ADDRESS",)
    patterns = (
        r"(?i)(?:^|[^0-9A-F:-])([0-9A-F]{2}(?::[0-9A-F]{2}){5}|[0-9A-F]{2}(?:-[0-9A-F]{2}){5})",
        r"(?i)(?:^|[^0-9A-F.])([0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4})",
    )
    prefilter = r"(?i)[0-9A-F]{2}[:-][0-9A-F]{2}[:-]|[0-9A-F]{4}\.[0-9A-F]{4}\."
    context_words = r"mac\b|mac-?adres|hardware|adresse mac"

    def judge(self, value: str) -> Verdict | None:
        """Digits only may be a date and time, or an account: then context."""
        bare = "".join(char for char in value if char.isalnum()).lower()
        if len(set(bare)) == 1:
            return None
        return Verdict("MAC_ADDRESS", Proof.CHECKED if bare.isdecimal() else Proof.PROVEN)
