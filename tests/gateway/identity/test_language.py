import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LANGUAGES
from gateway.identity.language import reader_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-BE,fr;q=0.9,nl;q=0.8", "fr"),
        ("nl;q=0.5, de;q=0.9", "de"),
        ("es, en;q=0.3", "en"),
        ("es", "nl"),
        ("", "nl"),
        ("fr;q=0", "nl"),
        ("fr;q=oops, de;q=0.1", "de"),
        ("EN-us", "en"),
    ],
)
def test_the_clients_own_order_decides(header: str, language: str) -> None:
    assert reader_language([(b"accept-language", header.encode())]) == language


@given(st.binary(max_size=300))
def test_any_bytes_end_in_one_of_our_languages(header: bytes) -> None:
    assert reader_language([(b"accept-language", header)]) in LANGUAGES
