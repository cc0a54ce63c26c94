"""IP addresses, version 4 and 6. Loopback and unspecified addresses say nothing about anybody."""

import ipaddress

from filters.recognizers.base import PatternIdentifier, Proof, Verdict


class IpAddress(PatternIdentifier):
    """Four small numbers are more often a section or a version: those need context."""

    entities = ("IP_ADDRESS",)
    patterns = (
        r"(?:^|[^0-9.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})",
        r"(?i)(?:^|[^0-9A-Z:.])([0-9A-F]{0,4}(?::[0-9A-F]{0,4}){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})?)",
    )
    prefilter = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.|:[0-9A-Fa-f]{0,4}:"
    context_words = r"ip\b|ip-?adres|ipv[46]|host|server|adresse ip|dns|gateway|subnet|proxy|log"
    reach = 30

    def judge(self, value: str) -> Verdict | None:
        """The standard library's reading."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return None
        if address.is_loopback or address.is_unspecified:
            return None
        if address.version == 6:  # noqa: PLR2004
            return Verdict("IP_ADDRESS", Proof.PROVEN) if sum(map(str.isalnum, value)) >= 4 else None  # noqa: PLR2004
        small = all(int(part) < 20 for part in value.split("."))  # noqa: PLR2004
        return Verdict("IP_ADDRESS", Proof.FORM if small else Proof.PROVEN)
