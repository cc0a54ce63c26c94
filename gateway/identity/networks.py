"""Where a request comes from: the peer, or what a proxy that we trust says of it.

`X-Forwarded-For` is a list that every proxy appends to; the caller can write anything at its start. So it is read from
the right, past our own proxies, and only when the peer itself is one of them. A part that is no address ends the
reading without an answer: whoever needs an address then refuses.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_HOPS = 16


def parse_networks(text: str) -> tuple[Network, ...]:
    """Comma-separated networks or addresses. Raises ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """An address, with or without port or brackets; IPv4 inside IPv6 becomes IPv4. None where it is not one."""
    text = text.strip()
    if len(text) > 64:  # noqa: PLR2004 - longer than any address
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)


def client_address(peer: str, forwarded: bytes, trusted: Sequence[Network]) -> Address | None:
    """The client behind our own proxies; `forwarded` is X-Forwarded-For, several lines joined by commas."""
    address = parse_address(peer)
    if address is None or not forwarded or not within(address, trusted):
        return address
    hops = forwarded.decode("latin-1").split(",")
    for hop in reversed(hops[-MAX_HOPS:]):
        address = parse_address(hop)
        if address is None or not within(address, trusted):
            return address
    return address
