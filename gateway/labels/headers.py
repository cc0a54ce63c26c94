"""The `AI-Disclosure` header of draft-abaris-aicdh-01 (expired; cheap, advisory) as an RFC 9651 dictionary.

Members are separated by commas: the draft's own semicolons would parse as parameters of `mode` (standards §1.3).
"""

from functools import lru_cache

Headers = list[tuple[bytes, bytes]]


def _ascii(value: str) -> str:
    """An RFC 9651 string holds printable ASCII; anything else becomes `?`, quotes and backslashes are escaped."""
    kept = "".join(c if " " <= c <= "~" else "?" for c in value)
    return kept.replace("\\", "\\\\").replace('"', '\\"')


@lru_cache(maxsize=256)
def _start(model: str, provider: str) -> str:
    return f'mode=ai-originated, model="{_ascii(model)}", provider="{_ascii(provider)}", date=@'


def disclosure(*, model: str, provider: str, at: int, record: str) -> Headers:
    """Headers for every response that carries a model's output; `at` in POSIX seconds."""
    return [
        (b"ai-disclosure", (_start(model, provider) + str(at)).encode()),
        (b"ai-label-record", record.encode()),
        (b"access-control-expose-headers", b"AI-Disclosure, AI-Label-Record, X-Request-ID"),
    ]
