"""Who it is that dials, behind whatever proxies, and lists of addresses that may."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: The one address that Retell dials from, and sends webhooks from (docs.retellai.com, "Secure your webhook", read 2026-11-22).
RETELL = "100.20.5.228"

#: Names for what platforms publish of themselves, as written under `allow:`.
PRESETS: Mapping[str, tuple[Network, ...]] = MappingProxyType({"retell": (ip_network(RETELL),)})

#: Of an IPv6 address this much is one party's own: a household or a server gets a /64 at least (RFC 6177).
_PARTY = 64


def networks(text: str) -> tuple[Network, ...]:
    """What an entry of `allow:` stands for: a preset, an address or a network. Raises ValueError for anything else."""
    return PRESETS.get(text) or (ip_network(text),)


def address_of(text: str) -> Address | None:
    """The address in a text as sockets and proxies write it, with or without a port; None if there is none.

    An IPv4 address that came in over an IPv6 socket (::ffff:192.0.2.1) is the IPv4 address.
    """
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def is_among(address: Address | None, allowed: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; one that is not known is in none."""
    return address is not None and any(address in network for network in allowed)


def client_address(peer: str, forwarded: Iterable[str], trusted: Iterable[Network]) -> Address | None:
    """Who dials: `peer` is the other end of the socket, `forwarded` the values of X-Forwarded-For in order.

    Each proxy adds at the right whom it was dialled by, and what stands further left was written by that one: so the list is
    read from the right, and only for as long as a `trusted` proxy speaks. None if such a proxy names nobody legible.
    """
    proxies = tuple(trusted)
    address = address_of(peer)
    hops = [hop for line in forwarded for hop in line.split(",")]
    while hops and is_among(address, proxies):
        address = address_of(hops.pop())
    return address


def party(address: Address | None) -> str:
    """Whom to count as one: an IPv4 address, or the network that an IPv6 address can be moved about in."""
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> _PARTY << _PARTY, _PARTY)))
    return str(address) if address is not None else "an unknown address"
