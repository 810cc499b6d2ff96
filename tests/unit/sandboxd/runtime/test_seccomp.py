"""The filter as a program: interpreted here for every architecture, enforced in test_isolation."""

import errno
import struct

import pytest

from sandboxd.runtime.seccomp import (
    ALLOW,
    AUDIT_ARCH,
    EPERM_CALLS,
    ERRNO,
    KILL,
    Jump,
    assemble,
    program,
)
from sandboxd.runtime.syscalls import NUMBERS

ARCHITECTURES = list(AUDIT_ARCH)


def decide(code: bytes, arch: int, number: int, *args: int) -> int:
    """What the kernel would answer: a little BPF machine."""
    data = struct.pack("<iIQ6Q", number, arch, 0, *(*args, *[0] * (6 - len(args))))
    at = accumulator = 0
    while True:
        operation, yes, no, value = struct.unpack_from("<HBBI", code, at * 8)
        at += 1
        match operation:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, value)[0]
            case 0x54:
                accumulator &= value
            case 0x15:
                at += yes if accumulator == value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case 0x06:
                return value
            case _:
                raise AssertionError(operation)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_each_call_on_the_list_is_refused_and_others_pass(machine: str) -> None:
    code, numbers, arch = program(machine), NUMBERS[machine], AUDIT_ARCH[machine]
    for name in EPERM_CALLS:
        if name in numbers:
            assert decide(code, arch, numbers[name]) == ERRNO | errno.EPERM, name
    for number in set(range(460)) - set(numbers.values()):
        assert decide(code, arch, number) == ALLOW, number
    assert decide(code, arch, numbers["clone3"]) == ERRNO | errno.ENOSYS


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_arguments_decide_where_they_must(machine: str) -> None:
    code, n, arch = program(machine), NUMBERS[machine], AUDIT_ARCH[machine]
    eperm, family, protocol = (
        ERRNO | e for e in (errno.EPERM, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
    )
    cases = [
        ("clone", (0x11,), ALLOW), ("clone", (0x10000011,), eperm), ("unshare", (0x200,), ALLOW),
        ("unshare", (0x80,), eperm), ("socket", (1, 0x80001, 0), ALLOW), ("socket", (2, 0x801, 6), ALLOW),
        ("socket", (2, 3, 1), eperm), ("socket", (10, 2, 17), ALLOW), ("socket", (2, 1, 132), protocol),
        ("socket", (16, 3, 0), ALLOW), ("socket", (16, 3, 9), protocol), ("socket", (40, 1, 0), family),
        ("socket", (0xFFFFFFFF, 1, 0), family), ("socketpair", (1, 1, 0), ALLOW),
        ("socketpair", (30, 1, 0), family), ("ioctl", (0, 0x5412), eperm), ("ioctl", (0, 0x5413), ALLOW),
        ("prlimit64", (0, 7), ALLOW), ("prlimit64", (1, 7), eperm), ("prlimit64", (99, 7), ALLOW),
    ]  # fmt: skip
    for name, args, answer in cases:
        assert decide(code, arch, n[name], *args) == answer, (name, args)
        high = tuple(arg | 1 << 40 for arg in args)
        assert decide(code, arch, n[name], *high) == answer, "the upper half changes nothing"


def test_other_abis_are_refused() -> None:
    code = program("x86_64")
    assert decide(code, AUDIT_ARCH["x86_64"], 0x40000000) == ERRNO | errno.ENOSYS
    assert decide(code, AUDIT_ARCH["x86_64"], -1) == ERRNO | errno.ENOSYS
    assert decide(code, 0x40000003, 20) == KILL
    assert decide(code, AUDIT_ARCH["aarch64"], 20) == KILL


def test_an_unknown_processor_has_no_filter() -> None:
    with pytest.raises(KeyError):
        program("riscv64")


def test_labels_become_distances() -> None:
    code = assemble([Jump(0x15, 7, "end"), (0x06, 1), "end", (0x06, 2)])
    assert code == struct.pack("<HBBI", 0x15, 1, 0, 7) + struct.pack(
        "<HBBIHBBI", 6, 0, 0, 1, 6, 0, 0, 2
    )
