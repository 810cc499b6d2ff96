"""The numbers, held against the headers of this machine where it has them."""

import re
from pathlib import Path

import pytest

from sandboxd.runtime.syscalls import NUMBERS

HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}


@pytest.mark.parametrize("machine", NUMBERS)
def test_numbers_are_the_kernels(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip("no kernel headers here")
    known = {
        m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+)\s+(\d+)", header.read_text())
    }
    assert {name: known.get(name, number) for name, number in NUMBERS[machine].items()} == NUMBERS[
        machine
    ]


def test_both_processors_know_the_calls_that_decide() -> None:
    for name in (
        "clone",
        "clone3",
        "unshare",
        "socket",
        "ioctl",
        "mount",
        "setns",
        "bpf",
        "io_uring_setup",
    ):
        assert all(name in numbers for numbers in NUMBERS.values()), name
