"""The system calls a machine does without, as a BPF program made in pure Python.

A deny-list on top of namespaces, no capabilities and no_new_privs: the parts of the kernel that need no
capability yet reach beyond the machine (vsock, keyrings, io_uring, userfaultfd, ...), and a second lock
on what capabilities already refuse. node, npm, git, Vite and python run under it.
"""

import errno
import platform
import struct
from dataclasses import dataclass

from sandboxd.runtime.syscalls import NUMBERS

LOAD, JEQ, JGE, JSET, JGT, RET, AND = 0x20, 0x15, 0x35, 0x45, 0x25, 0x06, 0x54
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NR, ARCH, ARGS = 0, 4, 16  # offsets in struct seccomp_data; an argument's low half comes first
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000
NAMESPACES = 0x7E020080  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET,TIME}

EPERM_CALLS = """
mount umount2 pivot_root move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick
mount_setattr setns chroot
kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff syslog acct
quotactl quotactl_fd settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname
iopl ioperm modify_ldt vhangup
add_key request_key keyctl
bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register fanotify_init
open_by_handle_at lookup_dcookie nfsservctl pidfd_getfd memfd_secret kcmp
""".split()  # noqa: SIM905
FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink
INET_PROTOCOLS = (0, 1, 6, 17, 58)  # default, icmp, tcp, udp, icmp6
TERMINAL_IOCTLS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD


@dataclass(frozen=True, slots=True)
class Jump:
    code: int
    value: int
    yes: str
    no: str = ""  # the next instruction


Instruction = Jump | tuple[int, int] | str  # a jump, (code, value), or a label


def program(machine: str | None = None) -> bytes:
    """The filter as bwrap's `--seccomp` takes it: an array of `struct sock_filter`.

    Raises:
        KeyError: no table for this kind of processor.
    """
    machine = machine or platform.machine()
    return assemble(_story(NUMBERS[machine], AUDIT_ARCH[machine]))


def _story(number: dict[str, int], arch: int) -> list[Instruction]:
    lines: list[Instruction] = [
        (LOAD, ARCH),
        Jump(JEQ, arch, "", "kill"),
        (LOAD, NR),
        Jump(JGE, X32_BIT, "enosys"),
        *(Jump(JEQ, number[name], "eperm") for name in EPERM_CALLS if name in number),
        Jump(JEQ, number["clone3"], "enosys"),  # its flags lie in memory; libc falls back to clone
        Jump(JEQ, number["clone"], "clone"),
        Jump(JEQ, number["unshare"], "clone"),
        Jump(JEQ, number["socket"], "socket"),
        Jump(JEQ, number["socketpair"], "socketpair"),
        Jump(JEQ, number["ioctl"], "ioctl"),
        Jump(JEQ, number["prlimit64"], "prlimit"),
        (RET, ALLOW),
        "clone",
        (LOAD, ARGS),
        Jump(JSET, NAMESPACES, "eperm", "allow"),
        "socket",
        (LOAD, ARGS),
        Jump(JEQ, 1, "allow"),
        Jump(JEQ, 2, "inet"),
        Jump(JEQ, 10, "inet"),
        Jump(JEQ, 16, "netlink", "family"),
        "netlink",
        (LOAD, ARGS + 16),
        Jump(JEQ, 0, "allow", "protocol"),  # NETLINK_ROUTE
        "inet",
        (LOAD, ARGS + 16),
        *(Jump(JEQ, protocol, "type") for protocol in INET_PROTOCOLS),
        (RET, ERRNO | errno.EPROTONOSUPPORT),
        "type",
        (LOAD, ARGS + 8),
        (AND, 0xF),
        Jump(JEQ, 1, "allow"),
        Jump(JEQ, 2, "allow", "eperm"),
        "socketpair",
        (LOAD, ARGS),
        Jump(JEQ, 1, "allow", "family"),
        "ioctl",
        (LOAD, ARGS + 8),
        *(Jump(JEQ, request, "eperm") for request in TERMINAL_IOCTLS),
        (RET, ALLOW),
        "prlimit",  # the agent has the same uid: its limits are not the machine's to set
        (LOAD, ARGS),
        Jump(JEQ, 1, "eperm", "allow"),
        "allow",
        (RET, ALLOW),
        "eperm",
        (RET, ERRNO | errno.EPERM),
        "enosys",
        (RET, ERRNO | errno.ENOSYS),
        "family",
        (RET, ERRNO | errno.EAFNOSUPPORT),
        "protocol",
        (RET, ERRNO | errno.EPROTONOSUPPORT),
        "kill",
        (RET, KILL),
    ]
    return lines


def assemble(lines: list[Instruction]) -> bytes:
    """Turn labels into distances (at most 255 instructions ahead)."""
    places: dict[str, int] = {}
    instructions: list[Jump | tuple[int, int]] = []
    for line in lines:
        if isinstance(line, str):
            places[line] = len(instructions)
        else:
            instructions.append(line)
    return b"".join(_encode(line, at, places) for at, line in enumerate(instructions))


def _encode(line: Jump | tuple[int, int], at: int, places: dict[str, int]) -> bytes:
    if isinstance(line, tuple):
        return struct.pack("<HBBI", line[0], 0, 0, line[1])
    yes, no = (places[label] - at - 1 if label else 0 for label in (line.yes, line.no))
    return struct.pack("<HBBI", line.code, yes, no, line.value)
