"""Which IP addresses a webhook may be called at: those of the public internet, however they are written.

The standard library's `is_global` follows IANA's special-purpose registries. Of IPv6 only global unicast is public, which
leaves out NAT64 (RFC 6052, RFC 8215), unique and link-local addresses, IPv4-compatible ones and multicast; a mapped IPv4
address is judged as what it is; tunnels (Teredo, 6to4, ISATAP to a private address) lead somewhere else and are refused.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_ISATAP = 0x5EFE  # RFC 5214 section 6.1: the interface identifier's upper half, its "u" bit aside
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA has given out of IPv6
_TEREDO = IPv6Network("2001::/32")
# What older versions of the standard library take for global: the whole of IETF's protocol block, where a provider keeps
# its metadata service; relays of 6to4 (RFC 7526); documentation (RFC 9637); and a provider's own service at a public address.
_NEVER = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20")))


def is_public(address: Address) -> bool:
    """Whether it may be called from anywhere; nothing inside the deployment's own network may."""
    if not _is_global(address):
        return False
    return all(_is_global(inner) for inner in _inside(address))


def is_loopback(address: Address) -> bool:
    """Whether it is this very machine."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def canonical_address(text: str) -> Address | None:
    """The address that the text is, written in the usual form; None for anything else: a name, 127.1, 0x7f000001 …"""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_global(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_global(address.ipv4_mapped)
        if address.scope_id is not None or address not in _GLOBAL_UNICAST:
            return False
        if address in _TEREDO or address.sixtofour is not None:
            return False
    if any(address in network for network in _NEVER):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _inside(address: Address) -> Iterator[IPv4Address]:
    """IPv4 addresses that an IPv6 address hands its packets to."""
    if not isinstance(address, IPv6Address):
        return
    low = int(address) & 0xFFFFFFFF
    if (int(address) >> 32 & 0xFDFFFFFF) == _ISATAP:
        yield IPv4Address(low)
