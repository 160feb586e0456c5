"""Addresses requests come from: allow-lists, and the key a throttle counts under. `retinue.web` finds the
address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from retinue.errors import Invalid, Problem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def read_address(text: str) -> Address | None:
    """Return the address in `text` (a port and brackets are allowed), None if there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def parse_networks(texts: Iterable[str], pointer: str = "/addresses") -> tuple[Network, ...]:
    """Return the networks named; raises Invalid with a pointer at each entry that is neither address nor
    network.
    """
    found: list[Network] = []
    problems: list[Problem] = []
    for index, text in enumerate(texts):
        try:
            found.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            problems.append(Problem(f"{pointer}/{index}", f"{text!r} is no address or network", "address"))
    if problems:
        raise Invalid(
            "An address list is not valid.",
            problems=problems,
            remedy="Write them like 203.0.113.0/24 or 2001:db8::/48.",
        )
    return tuple(found)


def is_allowed(address: str | None, networks: Sequence[Network]) -> bool:
    """Say whether `address` lies in one of `networks`; no networks mean no limit, no address never fits
    one.
    """
    if not networks:
        return True
    known = read_address(address or "")
    return known is not None and _inside(known, networks)


def throttle_key(address: str) -> str:
    """Return what tries from `address` are counted under: one IPv4 address, or the /64 one subscriber
    holds.
    """
    known = read_address(address)
    if known is None:
        return "unknown"
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(known)


def _inside(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
