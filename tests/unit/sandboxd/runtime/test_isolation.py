"""The attack list of the engine, from inside a machine: every row is run, with both agents."""

import asyncio
import os
import re
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.machines import AGENTS, py, running, sh, start

from sandboxd.runtime.machine import NamespaceMachine
from sandboxd.runtime.namespaces import Namespaces

pytestmark = pytest.mark.asyncio(loop_scope="module")
DENIED = {"EPERM", "EACCES", "ENOENT", "ENOSYS"}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=AGENTS)
async def runtime(request: pytest.FixtureRequest, engine_home: Path) -> AsyncIterator[Namespaces]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SANDBOXD_AGENT", raising=False)
        opened = Namespaces(engine_home, agent=request.param)
    await opened.open()
    assert opened.agent == request.param
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def machine(runtime: Namespaces, engine_home: Path) -> AsyncIterator[NamespaceMachine]:
    """One machine for the whole list; what spoils it uses one of its own."""
    async with running(runtime, Path(tempfile.mkdtemp(dir=engine_home)), "machine") as made:
        yield made


# 1-5: the host's files, the server's secrets, the kernel's knobs


async def test_01_no_path_of_the_host_is_visible_but_usr(
    machine: NamespaceMachine, engine_home: Path
) -> None:
    repository = Path(__file__).resolve().parents[4]
    for path in (
        engine_home,
        repository,
        Path("/sys"),
        Path("/work"),
        Path("/boot"),
        Path("/var/lib/dpkg"),
    ):
        assert "No such file" in await sh(machine, f"ls -d {path}"), path
    assert await sh(machine, "ls -A /root /mnt /home /srv") == (
        "/home:\ndaytona\n\n/mnt:\n\n/root:\n\n/srv:"
    )
    assert "Read-only" in await sh(machine, "touch /usr/mine")


async def test_02_pid_1_has_no_environment_to_read(machine: NamespaceMachine) -> None:
    assert "Permission denied" in await sh(machine, "cat /proc/1/environ")
    assert Path(f"/proc/{machine.host_pid}/environ").read_bytes() in {b"", b"PWD=/\0"}
    parent = re.search(r"PPid:\s(\d+)", Path(f"/proc/{machine.host_pid}/status").read_text())
    assert parent is not None
    assert Path(f"/proc/{parent[1]}/environ").read_bytes() in {b"", b"PWD=/\0"}, "bwrap"


async def test_03_neither_command_line_nor_mounts_name_the_hosts_folders(
    machine: NamespaceMachine, engine_home: Path
) -> None:
    seen = await sh(machine, "cat /proc/1/cmdline /proc/mounts /proc/self/mountinfo | tr '\\0' ' '")
    folders = set(engine_home.parts[2:]) - {"tmp"}  # a word of every mount table
    for part in (*folders, "pytest", "keelway", "sandboxd/", "200000/"):
        assert part not in seen
    assert "lowerdir=/oldroot/mnt/b,upperdir=/oldroot/mnt/h/upper" in seen


@pytest.mark.parametrize(
    "path",
    [
        "kernel/core_pattern",
        "kernel/modprobe",
        "kernel/hostname",
        "vm/overcommit_memory",
        "net/ipv4/ip_forward",
    ],
)
async def test_04_sysctls_cannot_be_opened_for_writing(
    machine: NamespaceMachine, path: str
) -> None:
    """Opened only, never written."""
    assert await py(machine, f"print(attempt(os.open, '/proc/sys/{path}', os.O_WRONLY))") in {
        "EACCES", "EROFS", "EPERM", "ENOENT",
    }  # fmt: skip


async def test_05_dangerous_files_of_proc_are_closed(machine: NamespaceMachine) -> None:
    assert await py(machine, "print(attempt(os.open, '/proc/sysrq-trigger', os.O_WRONLY))") in {
        "EACCES", "EROFS", "ENOENT",
    }  # fmt: skip
    for path in ("kcore", "kmsg", "timer_list", "kpagecount", "slabinfo", "vmallocinfo"):
        answer = await py(machine, f"print(attempt(os.open, '/proc/{path}', os.O_RDONLY))")
        assert answer in DENIED, path
    symbols = await sh(machine, "cat /proc/kallsyms | head -1000 | cut -d' ' -f1 | sort -u")
    assert symbols in {"", "0000000000000000"}
    assert "ermission" in await sh(machine, "dmesg") or "not permitted" in await sh(
        machine, "dmesg"
    )


# 6-16: who it is, and what it may do to itself and to PID 1


async def test_06_it_is_one_ordinary_user_and_never_the_hosts_root(
    machine: NamespaceMachine, runtime: Namespaces
) -> None:
    assert await sh(machine, "id -u; id -g; id -G") == "1000\n1000\n1000"
    for line in Path(f"/proc/{machine.host_pid}/status").read_text().splitlines():
        if line.startswith(("Uid:", "Gid:")):
            assert set(line.split()[1:]) == {str(runtime.owner[0])}
        if line.startswith("Groups:"):
            assert line.split()[1:] in ([], [str(runtime.owner[1])])
    assert (await sh(machine, "cat /proc/self/uid_map")).split()[0::2] == ["1000", "1"]


async def test_07_08_no_capabilities_no_new_privileges_and_a_filter(
    machine: NamespaceMachine,
) -> None:
    for pid in ("self", "1"):
        status = dict(
            line.split(":\t", 1)
            for line in (await sh(machine, f"cat /proc/{pid}/status")).splitlines()
        )
        assert {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"


async def test_09_setuid_programs_gain_nothing(machine: NamespaceMachine) -> None:
    assert await sh(machine, "cp /usr/bin/id own; chmod 6755 own; ./own -u") == "1000"
    assert await sh(machine, "su -c 'id -u' </dev/null 2>&1 | grep -c '^0$'") == "0"
    assert "nosuid" in await sh(machine, "grep ' /usr ' /proc/self/mountinfo")


async def test_10_no_namespaces_of_its_own(machine: NamespaceMachine) -> None:
    assert "not permitted" in await sh(machine, "unshare -Ur true")
    flags = {"NEWUSER": 0x10000000, "NEWNS": 0x20000, "NEWNET": 0x40000000, "NEWPID": 0x20000000,
             "NEWUTS": 0x4000000, "NEWIPC": 0x8000000, "NEWCGROUP": 0x2000000}  # fmt: skip
    for name, flag in flags.items():
        assert await py(machine, f"print(call({nr('unshare')}, {flag}))") == "EPERM", name
        assert (
            await py(machine, f"print(call({nr('clone')}, {flag | 17}, 0, 0, 0, 0))") == "EPERM"
        ), name
    assert await py(machine, f"print(call({nr('clone3')}, 0, 0))") == "ENOSYS"
    assert await sh(machine, "cat /proc/sys/user/max_user_namespaces") != ""


@pytest.mark.parametrize(
    "name",
    [
        "mount",
        "umount2",
        "pivot_root",
        "fsopen",
        "fsmount",
        "move_mount",
        "open_tree",
        "mount_setattr",
        "chroot",
    ],
)
async def test_11_no_mounts(machine: NamespaceMachine, name: str) -> None:
    assert await py(machine, f"print(call({nr(name)}, b'/', b'/tmp', 0, 0, 0))") == "EPERM"


async def test_12_no_way_into_another_namespace(machine: NamespaceMachine) -> None:
    script = "fd = os.open('/proc/self/ns/net', os.O_RDONLY)\n"
    assert await py(machine, f"{script}print(call({nr('setns')}, fd, 0))") == "EPERM"
    for name in ("net", "mnt", "pid", "user"):
        assert (
            await py(machine, f"print(attempt(os.open, '/proc/1/ns/{name}', os.O_RDONLY))")
            == "EACCES"
        )


async def test_13_pid_1_cannot_be_traced(machine: NamespaceMachine) -> None:
    assert await py(machine, f"print(call({nr('ptrace')}, 16, 1, 0, 0))") == "EPERM"
    assert await py(machine, f"print(call({nr('ptrace')}, 0x4206, 1, 0, 0))") == "EPERM"


async def test_14_pid_1_cannot_be_looked_into(machine: NamespaceMachine) -> None:
    for name in ("mem", "maps", "smaps", "auxv", "stack", "syscall", "pagemap"):
        answer = await py(machine, f"print(attempt(open, '/proc/1/{name}', 'rb'))")
        assert answer in DENIED, name
    for name in ("fd", "fdinfo", "map_files", "root", "cwd"):
        assert await py(machine, f"print(attempt(os.listdir, '/proc/1/{name}'))") in DENIED, name
    assert await py(machine, "print(attempt(os.readlink, '/proc/1/exe'))") in DENIED
    vm = "import struct\nb = ctypes.create_string_buffer(8)\n"
    vm += "local = (ctypes.c_size_t * 2)(ctypes.addressof(b), 8); remote = (ctypes.c_size_t * 2)(0x400000, 8)\n"
    assert (
        await py(machine, f"{vm}print(call({nr('process_vm_readv')}, 1, local, 1, remote, 1, 0))")
        == "EPERM"
    )
    assert (
        await py(machine, f"fd = os.pidfd_open(1)\nprint(call({nr('pidfd_getfd')}, fd, 3, 0))")
        == "EPERM"
    )


async def test_14_pid_1_has_limits_that_are_not_the_machines_to_set(
    machine: NamespaceMachine,
) -> None:
    script = "import resource\nprint(attempt(resource.prlimit, 1, resource.RLIMIT_NOFILE, (0, 0)))"
    assert "EPERM" in await py(machine, script) or "PermissionError" in await py(machine, script)
    assert await sh(machine, "ulimit -n 100; ulimit -n") == "100", "its own it may set"


async def test_15_pid_1_cannot_be_killed_or_stopped(machine: NamespaceMachine) -> None:
    await sh(machine, "kill -9 1; kill -STOP 1; for n in $(seq 1 64); do kill -$n 1; done")
    await sh(machine, "kill -9 -1")
    await sh(machine, "python3 -c 'import os\nfor n in range(1, 65): os.kill(1, n)'")
    assert await sh(machine, "echo fine") == "fine"


async def test_16_the_agents_socket_has_no_name_inside(machine: NamespaceMachine) -> None:
    assert len((await sh(machine, "cat /proc/net/unix")).splitlines()) == 1
    assert await sh(machine, "find / -xdev -type s 2>/dev/null") == ""


async def test_16_a_descriptor_is_not_left_to_any_process(machine: NamespaceMachine) -> None:
    assert await sh(machine, "ls /proc/self/fd") == "0\n1\n2\n3", "3 is ls's own"
    process, master = await machine.pty(
        ["bash", "-c", "ls /proc/self/fd | tr '\\n' ' '"],
        env={"PATH": "/usr/bin"},
        cwd="/",
        cols=80,
        rows=24,
    )
    assert await process.wait() == 0
    assert os.read(master, 100).split() == [b"0", b"1", b"2", b"3"]
    os.close(master)


# 18-28: the network


async def test_18_abstract_sockets_of_the_host_are_out_of_reach(machine: NamespaceMachine) -> None:
    name = f"\0sandboxd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as host, socket.socket(socket.AF_UNIX) as control:
        host.bind(name)
        host.listen()
        control.connect(name)
        script = f"s = socket.socket(socket.AF_UNIX)\nprint(attempt(s.connect, {name!r}))"
        assert await py(machine, script) == "ECONNREFUSED"


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "answer"),
    [
        (40, 1, 0, "EAFNOSUPPORT"),  # 19: vsock, which network namespaces do not cover
        (17, 3, 0, "EAFNOSUPPORT"),  # 20: packet
        (38, 5, 0, "EAFNOSUPPORT"),  # alg
        (31, 3, 1, "EAFNOSUPPORT"),  # bluetooth
        (29, 3, 1, "EAFNOSUPPORT"),  # can
        (21, 5, 0, "EAFNOSUPPORT"),  # rds
        (30, 1, 0, "EAFNOSUPPORT"),  # tipc
        (44, 3, 0, "EAFNOSUPPORT"),  # xdp
        (2, 3, 1, "EPERM"),  # raw
        (10, 3, 58, "EPERM"),
        (2, 1, 132, "EPROTONOSUPPORT"),  # sctp
        (2, 1, 262, "EPROTONOSUPPORT"),  # mptcp
        (16, 3, 9, "EPROTONOSUPPORT"),  # 21: netlink's audit
        (16, 3, 12, "EPROTONOSUPPORT"),  # netfilter
        (16, 3, 16, "EPROTONOSUPPORT"),  # generic
    ],
)
async def test_19_20_21_socket_families(
    machine: NamespaceMachine, family: int, kind: int, protocol: int, answer: str
) -> None:
    assert (
        await py(machine, f"print(attempt(socket.socket, {family}, {kind}, {protocol}))") == answer
    )


async def test_21_ordinary_sockets_work(machine: NamespaceMachine) -> None:
    script = "for a in (1, 1, 0), (2, 1, 6), (2, 2, 17), (10, 1, 0), (16, 3, 0): socket.socket(*a)\nprint('fine')"
    assert await py(machine, script) == "fine"


async def test_22_23_no_address_of_the_host_answers(machine: NamespaceMachine) -> None:
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as host:
        port = host.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 2).close()
        for address in ("127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1", *own_addresses()):
            script = f"print(attempt(socket.create_connection, ({address!r}, {port}), 2))"
            assert await py(machine, script) in {"ECONNREFUSED", "ENETUNREACH"}, address


def own_addresses() -> list[str]:
    return subprocess.run(
        ["hostname", "-I"], capture_output=True, text=True, check=True
    ).stdout.split()


async def test_24_25_there_is_no_network_but_loopback(machine: NamespaceMachine) -> None:
    assert await sh(machine, "ls /proc/sys/net/ipv4/conf") == "all\ndefault\nlo"
    assert len((await sh(machine, "cat /proc/net/route")).splitlines()) == 1
    for address in ("10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.0.1"):
        assert (
            await py(machine, f"print(attempt(socket.create_connection, ({address!r}, 80), 2))")
            == "ENETUNREACH"
        )


async def test_26_another_machine_is_another_world(
    machine: NamespaceMachine, runtime: Namespaces, place: Path
) -> None:
    async with running(runtime, place, "other") as other:
        await start(other, "python3", "-m", "http.server", "--bind", "127.0.0.1", "5173")
        await sh(
            other,
            "echo secret > /tmp/secret; echo secret > /dev/shm/secret; while ! exec 3<>/dev/tcp/127.0.0.1/5173; do sleep 0.05; done 2>/dev/null",
        )
        assert (
            await py(machine, "print(attempt(socket.create_connection, ('127.0.0.1', 5173), 2))")
            == "ECONNREFUSED"
        )
        assert await sh(machine, "ls -A /tmp /dev/shm") == "/dev/shm:\n\n/tmp:"
        assert "http.server" not in await sh(machine, "ps -ef")


async def test_28_the_network_is_not_its_own_to_change(machine: NamespaceMachine) -> None:
    for command in (
        "ip link add dd0 type dummy",
        "ip link set lo down",
        "ip addr add 10.9.9.9/32 dev lo",
        "ip route add default dev lo",
    ):
        assert "not permitted" in await sh(machine, command), command


# 36-45: files, keys, kernel features, devices, limits


async def test_36_forged_overlay_marks_have_no_effect(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "forger") as machine:
        await sh(machine, "mkdir -p /tmp/d /opt/sandboxd/mine; ls /etc > /tmp/before")
        marks = "for n, v in (b'redirect', b'/root'), (b'opaque', b'y'), (b'metacopy', b''), (b'whiteout', b''):\n"
        marks += "    for p in '/tmp/d', '/etc', '/opt/sandboxd/mine':\n"
        marks += "        attempt(os.setxattr, p, b'user.overlay.' + n, v)\n"
        await py(machine, marks)
        assert await py(machine, "print(attempt(os.mknod, '/tmp/w', 0o20000, 0))") == "EPERM"
        assert (
            await py(
                machine, "print(attempt(os.setxattr, '/tmp/d', 'trusted.overlay.opaque', b'y'))"
            )
            == "EPERM"
        )
    async with running(runtime, place, "forger") as machine:
        assert await sh(machine, "ls /etc | diff - /tmp/before && ls -A /tmp/d") == ""


@pytest.mark.parametrize(
    "name",
    ["keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
     "kexec_load", "init_module", "finit_module", "delete_module", "open_by_handle_at", "reboot",
     "swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "sethostname", "setdomainname",
     "syslog", "acct", "fanotify_init", "quotactl", "modify_ldt", "iopl", "memfd_secret"],
)  # fmt: skip
async def test_37_38_42_calls_it_does_without(machine: NamespaceMachine, name: str) -> None:
    assert await py(machine, f"print(call({nr(name)}, 0, 0, 0, 0, 0))") == "EPERM"


async def test_37_keyrings_show_nothing_of_the_hosts(machine: NamespaceMachine) -> None:
    assert len((await sh(machine, "cat /proc/keys")).splitlines()) <= 4
    assert "key-users" not in await sh(machine, "cat /proc/keys")


async def test_39_other_abis_are_closed(machine: NamespaceMachine) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("only x86-64 has others")
    assert await py(machine, f"print(call({0x40000000 + 39}))") == "ENOSYS"
    code = "import mmap\nm = mmap.mmap(-1, 4096, prot=7)\n"  # mov eax, 20 (getpid); int 0x80; ret
    code += "m.write(bytes.fromhex('b814000000cd80c3'))\n"
    code += "f = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint(f())"
    process = await start(machine, "python3", "-c", "import ctypes\n" + code)
    assert await process.wait() == 128 + 31, "SIGSYS"


async def test_40_a_terminal_cannot_be_typed_into(machine: NamespaceMachine) -> None:
    script = "import fcntl,os\nfor r in (0x5412, 0x541C, 0x5423):\n try: fcntl.ioctl(0, r, b'x')\n except OSError as e: print(e.errno)"
    process, master = await machine.pty(
        ["python3", "-c", script], env={"PATH": "/usr/bin"}, cwd="/", cols=80, rows=24
    )
    assert await process.wait() == 0
    assert os.read(master, 100).split() == [b"1", b"1", b"1"]
    os.close(master)


async def test_42_clock_and_name_stay(machine: NamespaceMachine) -> None:
    assert "not permitted" in await sh(machine, "date -s 2001-01-01")
    assert await sh(machine, "hostname") == "sandbox"


async def test_43_only_safe_devices(machine: NamespaceMachine) -> None:
    assert set((await sh(machine, "ls /dev")).split()) == {
        "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero",
    }  # fmt: skip
    assert (
        await py(machine, "print(attempt(os.mknod, '/tmp/b', 0o60600, os.makedev(8, 0)))")
        == "EPERM"
    )
    assert "Read-only" in await sh(machine, "touch /dev/mine")
    assert "64M" in await sh(machine, "df -h /dev/shm")


async def test_50_daemons_do_not_outlive_their_machine(runtime: Namespaces, place: Path) -> None:
    async with running(runtime, place, "daemons") as machine:
        await sh(
            machine,
            "setsid nohup sleep 31415 >/dev/null 2>&1 & disown; (setsid setsid sleep 31415 &)",
        )
        async with asyncio.timeout(5):
            while sleeping() < 2:
                await asyncio.sleep(0.02)
    assert sleeping() == 0


def sleeping() -> int:
    found = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes().split(b"\0")[:2] == [b"sleep", b"31415"]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


async def test_56_what_machines_share_is_never_written(
    machine: NamespaceMachine, runtime: Namespaces, place: Path
) -> None:
    async with running(runtime, place, "vandal") as vandal:
        await sh(
            vandal,
            "echo bad > /opt/sandboxd/bin/npm; rm /opt/sandboxd/bin/node; echo x >> /etc/passwd",
        )
        assert await sh(
            machine,
            "node -p 1; npm --version >/dev/null && echo fine; tail -1 /etc/passwd | cut -d: -f1",
        ) == ("1\nfine\nnobody")


async def test_57_no_core_dump_reaches_the_host(machine: NamespaceMachine) -> None:
    assert (
        await sh(machine, "ulimit -Hc; ulimit -c unlimited 2>&1 | grep -c 'not permitted'")
        == "0\n1"
    )
    process = await start(machine, "bash", "-c", "kill -ABRT $$")
    assert await process.wait() == 128 + 6


async def test_58_the_certificates_of_the_host_are_there(machine: NamespaceMachine) -> None:
    assert "BEGIN CERTIFICATE" in await sh(machine, "head -c 100000 $SSL_CERT_FILE")
    assert await sh(machine, "cat /etc/resolv.conf") == ""


def nr(name: str) -> int:
    from sandboxd.runtime.syscalls import NUMBERS

    extra = {
        "x86_64": {"ptrace": 101, "process_vm_readv": 310},
        "aarch64": {"ptrace": 117, "process_vm_readv": 270},
    }
    numbers = NUMBERS[os.uname().machine] | extra[os.uname().machine]
    return numbers.get(name, 0x3FFFFFFF)


async def test_it_is_all_still_alive_after_the_list(machine: NamespaceMachine) -> None:
    async with asyncio.timeout(10):
        assert await sh(machine, "node -e 'console.log(6 * 7)'") == "42"
