"""Which addresses of the internet a machine's connection may go to, and how to reach them.

A name is resolved once, all its addresses are judged, and the judged address itself is dialled: a second
answer of the same name server (DNS rebinding) is never asked for.
"""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
Judge = Callable[[Address], bool]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NOT_PLAIN = (
    ipaddress.IPv6Network("2002::/16"),  # 6to4 and Teredo carry an address of another kind
    ipaddress.IPv6Network("2001::/32"),
    ipaddress.IPv6Network("3fff::/20"),  # documentation; Python 3.11 does not know it yet
)
_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")


class AddressRefused(ConnectionError):
    """The name leads to an address that no machine may reach."""


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet, and to nobody's own network or machine."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_UNICAST or any(address in net for net in _NOT_PLAIN):
            return False
    elif address in _RELAYS:
        return False
    unusual = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not unusual and not _is_ours(address)


def _is_ours(address: Address) -> bool:
    """Whether this host itself has the address, which only a host's own address can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError as error:
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL}:
                return False
            raise
    return True


async def resolve(host: str, port: int) -> Sequence[Address]:
    """All addresses of a name, in the system's order. Raises OSError when it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(
        dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)
    )


async def judged(
    host: str, port: int, *, ask: Resolve = resolve, judge: Judge = is_public
) -> Sequence[Address]:
    """The addresses of a name if every one of them is allowed, else `AddressRefused`."""
    addresses = await ask(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    if not all(judge(address) for address in addresses):
        raise AddressRefused(f"{host} leads to an address that is not on the internet")
    return addresses


async def dial(addresses: Sequence[Address], port: int, seconds: float = 10) -> socket.socket:
    """A connected non-blocking socket to the first address that answers."""
    failure = OSError("no address")
    for address in addresses:
        try:
            async with asyncio.timeout(seconds):
                return await _connect(address, port)
        except OSError as error:  # a timeout is one
            failure = error
    raise failure


async def _connect(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection
