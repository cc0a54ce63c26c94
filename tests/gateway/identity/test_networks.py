import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.networks import client_address, parse_address, parse_networks, within

TRUSTED = parse_networks("10.0.0.0/24, 127.0.0.1")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7:443", "192.0.2.7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),  # a dual-stack socket shows IPv4 peers so
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("192.0.2.7, 10.0.0.1", None),
        ("1" * 200, None),
    ],
)
def test_addresses_as_sockets_and_proxies_write_them(text: str, address: str | None) -> None:
    assert parse_address(text) == (ipaddress.ip_address(address) if address else None)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", [b"10.9.9.9"], "192.0.2.7"),  # not our proxy: what it says does not count
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", [b"192.0.2.7"], "192.0.2.7"),
        ("10.0.0.5", [b"10.9.9.9, 192.0.2.7"], "192.0.2.7"),  # the caller wrote the first part itself
        ("10.0.0.5", [b"10.9.9.9", b"192.0.2.7"], "192.0.2.7"),  # two header lines are one list
        ("10.0.0.5", [b"192.0.2.7, 10.0.0.6"], "192.0.2.7"),  # two of our proxies in a row
        ("10.0.0.5", [b"10.0.0.7, 10.0.0.6"], "10.0.0.7"),
        ("10.0.0.5", [b"10.9.9.9, unknown"], None),
        ("10.0.0.5", [b"10.9.9.9,"], None),
        ("", [b"192.0.2.7"], None),
    ],
)
def test_the_client_is_read_from_the_right_past_our_own_proxies(
    peer: str, forwarded: list[bytes], client: str | None
) -> None:
    expected = ipaddress.ip_address(client) if client else None
    assert client_address(peer, b",".join(forwarded), TRUSTED) == expected


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_nothing_before_the_last_foreign_hop_changes_the_client(written: list[bytes]) -> None:
    assert client_address("10.0.0.5", b",".join([*written, b"192.0.2.7"]), TRUSTED) == ipaddress.ip_address("192.0.2.7")


def test_without_trusted_proxies_the_header_never_counts() -> None:
    assert client_address("10.0.0.5", b"192.0.2.7", ()) == ipaddress.ip_address("10.0.0.5")


def test_a_network_of_the_other_kind_holds_nothing() -> None:
    assert not within(ipaddress.ip_address("2001:db8::7"), TRUSTED)
