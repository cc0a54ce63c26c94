"""What a key looks like: `sluis_<id>_<secret>`; the id is public, the secret is shown once.

The prefix lets secret scanners (ours too) recognize a key that somebody pastes. The alphabet is Crockford's base 32 in
lower case: no i, l, o or u, so a key survives being read aloud.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
ID_LENGTH: Final = 10  # 50 bits: enough to tell keys apart, no secret
SECRET_BYTES: Final = 20  # 160 bits, 32 characters
SECRET_LENGTH: Final = SECRET_BYTES * 8 // 5
KEY_LENGTH: Final = len("sluis_") + ID_LENGTH + 1 + SECRET_LENGTH
KEY_PATTERN: Final = rf"sluis_([{ALPHABET}]{{{ID_LENGTH}}})_[{ALPHABET}]{{{SECRET_LENGTH}}}"
ID_PATTERN: Final = rf"^[{ALPHABET}]{{{ID_LENGTH}}}$"

TokenBytes = Callable[[int], bytes]
"""Where randomness comes from: `secrets.token_bytes`, a fixed sequence in tests."""

_KEY: Final = re.compile(KEY_PATTERN)


def make_key(token_bytes: TokenBytes) -> tuple[str, str]:
    """A new (id, key)."""
    key_id = _encode(token_bytes(8), ID_LENGTH)
    return key_id, f"sluis_{key_id}_{_encode(token_bytes(SECRET_BYTES), SECRET_LENGTH)}"


def key_id_of(key: str) -> str | None:
    """The public id inside a well-formed key; None for anything else."""
    match = _KEY.fullmatch(key)
    return match[1] if match else None


def digest(key: bytes) -> bytes:
    """SHA-256 of the whole key, as stored.

    A slow password hash protects secrets that can be guessed. This one has 160 random bits: nobody can try them out,
    with any hash, and a fast hash keeps the check off the list of what a request costs (OWASP ASVS 5.0 11.4.2 asks
    for key stretching of passwords only).
    """
    return hashlib.sha256(key).digest()


def _encode(data: bytes, length: int) -> str:
    number = int.from_bytes(data, "big")
    return "".join(ALPHABET[number >> (5 * place) & 31] for place in reversed(range(length)))
