"""What a value in the list looks like: a key that was pasted by mistake, an address and how far away it is."""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

# Prefixes that vendors give their keys, a private key's first line, or a password inside an address.
_SECRET = re.compile(
    r"(?:\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bhf_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.|-----BEGIN|://[^/@\s]*:[^/@\s]+@|\b(?:password|wachtwoord|passwort|secret|api[_-]?key)"
    r"\s*[=:]\s*\S)",
    re.IGNORECASE,
)
_VARIED, _MIXED = 12, 4  # different characters; digits and letters each
_LONG_RUN = re.compile(r"(?<![A-Za-z0-9/._-])[A-Za-z0-9+=]{32,}(?![A-Za-z0-9/._-])")


def looks_secret(text: str) -> bool:
    """A known kind of key, or a run of 32 or more characters that mixes letters and digits as keys do."""
    if _SECRET.search(text):
        return True
    return any(
        len(set(run)) >= _VARIED and min(sum(map(str.isdigit, run)), sum(map(str.isalpha, run))) >= _MIXED
        for run in _LONG_RUN.findall(text)
    )


def strings(tree: object, place: str) -> Iterator[tuple[str, str]]:
    """Every string of the written form with the keys that lead to it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from strings(value, f"{place}.{key}" if place else str(key))
    elif isinstance(tree, list):
        for value in tree:
            yield from strings(value, place)
    elif isinstance(tree, str):
        yield place, tree


_PRIVATE_NAME = re.compile(r"(?:[^.]+|.*\.(?:internal|local|lan|intranet|home\.arpa|svc|cluster\.local))")


def reach(host: str) -> str:
    """Loopback, private, link-local or public; a name is private where it has no dot or an internal ending."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "loopback"
        return "private" if _PRIVATE_NAME.fullmatch(host) else "public"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    return "private" if address.is_private else "public"


def is_loopback(url: str) -> bool:
    try:
        return reach(urlsplit(url).hostname or "") == "loopback"
    except ValueError:
        return False
