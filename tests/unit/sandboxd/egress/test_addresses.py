import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import pytest

from sandboxd.egress.addresses import Address, AddressRefused, dial, is_public, judged, resolve

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.254",
    "198.18.0.1",
    "198.19.255.254",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::a00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:808:808::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_nobodys_own_addresses_are_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_the_internet_is(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


def test_the_hosts_own_address_is_not_public_whatever_its_number() -> None:
    """A control host may have a public address; services that listen on it are still not for machines."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing, only asks the routing table
        own = ipaddress.ip_address(probe.getsockname()[0])
    assert not is_public(own)


async def test_one_private_address_among_many_refuses_the_name() -> None:
    async def both(host: str, port: int) -> Sequence[Address]:
        return [ipaddress.ip_address("1.1.1.1"), ipaddress.ip_address("10.0.0.1")]

    with pytest.raises(AddressRefused):
        await judged("name.example", 443, ask=both)
    assert len(await judged("name.example", 443, ask=both, judge=lambda _: True)) == 2


@pytest.mark.parametrize(
    "spelling", ["localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "::1"]
)
async def test_other_spellings_of_loopback_are_loopback(spelling: str) -> None:
    try:
        found = await resolve(spelling, 80)
    except OSError:
        return  # this system does not know the spelling
    assert found
    assert not any(is_public(address) for address in found)


async def test_dial_takes_the_first_address_that_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        addresses = [ipaddress.ip_address("::1"), ipaddress.ip_address("127.0.0.1")]
        with await dial(addresses, port) as connection:
            assert connection.getpeername()[1] == port
            assert connection.gettimeout() == 0
    with pytest.raises(OSError):
        await dial([], 1)
    await asyncio.sleep(0)
