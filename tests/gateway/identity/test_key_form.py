import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.key_form import ALPHABET, ID_PATTERN, KEY_LENGTH, SECRET_BYTES, digest, key_id_of, make_key


def test_a_key_has_the_documented_form_and_160_secret_bits() -> None:
    key_id, key = make_key(secrets.token_bytes)
    assert re.fullmatch(r"sluis_[0-9a-hjkmnp-tv-z]{10}_[0-9a-hjkmnp-tv-z]{32}", key)
    assert len(key) == KEY_LENGTH
    assert key_id_of(key) == key_id
    assert re.fullmatch(ID_PATTERN, key_id)
    assert SECRET_BYTES * 8 >= 160


@given(st.binary(min_size=20, max_size=20))
def test_every_secret_bit_reaches_the_key(data: bytes) -> None:
    _, key = make_key(lambda n: data[:n])
    number = 0
    for character in key[-32:]:
        number = number * 32 + ALPHABET.index(character)
    assert number.to_bytes(20, "big") == data


@pytest.mark.parametrize("change", ["upper", "short", "long", "letter", "prefix", "newline"])
def test_anything_else_is_no_key(change: str) -> None:
    _, key = make_key(lambda n: bytes(range(n)))
    changed = {
        "upper": key.upper(),
        "short": key[:-1],
        "long": key + "0",
        "letter": key[:-1] + "u",
        "prefix": "sk-" + key,
        "newline": key + "\n",
    }[change]
    assert key_id_of(changed) is None


def test_the_digest_does_not_show_the_key() -> None:
    _, key = make_key(secrets.token_bytes)
    assert len(digest(key.encode())) == 32
    assert digest(key.encode()) != digest(key[:-1].encode() + b"0") or key.endswith("0")
