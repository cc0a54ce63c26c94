"""Which of our four languages a reader gets before we know who it is: from `Accept-Language`."""

from collections.abc import Sequence

from gateway.errors import LANGUAGES


def reader_language(headers: Sequence[tuple[bytes, bytes]], default: str = "nl") -> str:
    """The first of our languages by the client's own order of preference (RFC 9110 §12.5.4), else `default`."""
    best, weight = default, 0.0
    for name, value in headers:
        if name != b"accept-language":
            continue
        for part in value[:200].decode("latin-1").split(","):
            tag, _, rest = part.strip().partition(";")
            code, quality = tag.strip().lower().split("-")[0], _quality(rest)
            if code in LANGUAGES and quality > weight:
                best, weight = code, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
