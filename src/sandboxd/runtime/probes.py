"""What this machine can and cannot do, in plain words, with the next action for each problem.

Nothing is concluded from a version or a file's presence: a real machine is started, and the files are
read only to explain a failure.
"""

import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sandboxd.errors import SandboxdError
from sandboxd.runtime import base, limits, seccomp
from sandboxd.runtime.namespaces import Namespaces

DELEGATE = "systemd-run --user --scope -p Delegate=yes"


@dataclass(frozen=True, slots=True)
class Probe:
    """One finding. `action` is empty when there is nothing to do."""

    name: str
    ok: bool
    message: str
    action: str = ""


def probe() -> list[Probe]:
    """Look at this machine; takes about a second and starts one short-lived machine. Blocking."""
    if sys.platform != "linux" or platform.machine() not in seccomp.AUDIT_ARCH:
        system = f"{sys.platform} on {platform.machine()}"
        return [
            Probe(
                "system", False, f"Sandboxes need Linux on x86-64 or arm64; this is {system}.", VM
            )
        ]
    return [_python(), _git(), _isolation(), _limits()]


VM = "Run it in a Linux virtual machine, or set DAYTONA_API_KEY to use Daytona's cloud."


def explain(error: str, facts: "Facts") -> tuple[str, str]:
    """Why a machine did not start, and what to do about it."""
    if facts.userns_clone == "0":
        return (
            "Isolation is not available: the kernel refuses user namespaces to ordinary users.",
            "As root: sysctl -w kernel.unprivileged_userns_clone=1",
        )
    if facts.max_user_namespaces == "0":
        return (
            "Isolation is not available: the number of user namespaces is limited to none.",
            "As root: sysctl -w user.max_user_namespaces=15000",
        )
    if facts.apparmor == "1" and facts.uid != 0:
        return (
            "Isolation is not available: AppArmor keeps user namespaces from ordinary users (Ubuntu 23.10 "
            "and later).",
            "As root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root.",
        )
    if "overlay" in error.lower() and facts.kernel < (5, 11):
        return (
            f"Isolation is not available: kernel {facts.kernel[0]}.{facts.kernel[1]} cannot stack folders for "
            "ordinary users; that came with 5.11.",
            "Use a newer kernel.",
        )
    if "oexec" in error or ("ermission denied" in error and "agent" in error):
        return (
            f"Isolation is not available: programs cannot be run from the data folder ({error}).",
            "Put the data folder on a file system that is mounted without noexec.",
        )
    if facts.container:
        return (
            f"Isolation is not available inside this container: {error}",
            "Start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined, or run on the host.",
        )
    return f"Isolation is not available: {error}", VM


@dataclass(frozen=True, slots=True)
class Facts:
    """What explains a failure; texts are empty where the kernel has no such setting."""

    uid: int
    kernel: tuple[int, int]
    userns_clone: str = ""
    max_user_namespaces: str = ""
    apparmor: str = ""
    container: bool = False


def facts() -> Facts:
    """The facts of this machine."""
    major, minor = os.uname().release.split(".")[:2]
    marks = ("/.dockerenv", "/run/.containerenv")
    return Facts(
        os.geteuid(),
        (int(major), int("".join(filter(str.isdigit, minor)) or 0)),
        _read("/proc/sys/kernel/unprivileged_userns_clone"),
        _read("/proc/sys/user/max_user_namespaces"),
        _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        any(Path(mark).exists() for mark in marks) or bool(os.environ.get("container")),  # noqa: SIM112
    )


def _python() -> Probe:
    found = base.find_python()
    if found is None:
        return Probe(
            "python3",
            False,
            "Sandboxes have no Python: there is none in /usr.",
            "apt install python3",
        )
    return Probe("python3", True, f"Sandboxes use this machine's {found}.")


def _git() -> Probe:
    if any(Path(folder, "git").exists() for folder in ("/usr/bin", "/usr/local/bin")):
        return Probe("git", True, "Sandboxes use this machine's git.")
    return Probe("git", False, "Sandboxes have no git: there is none in /usr.", "apt install git")


def _isolation() -> Probe:
    """Start a machine over a base layer without node, which is quick to make."""
    with tempfile.TemporaryDirectory(prefix="sandboxd-") as folder:
        try:
            agent = Namespaces(Path(folder)).prove()
        except (SandboxdError, OSError) as error:
            message, action = explain(str(error), facts())
            return Probe("isolation", False, message, action)
    written = {"c": "C", "python": "Python (slower to start; gcc would make the C one)"}[agent]
    return Probe(
        "isolation", True, f"Sandboxes are isolated by namespaces; the agent is in {written}."
    )


def _limits() -> Probe:
    found = limits.find()
    if {"cpu", "memory", "pids"} <= found.groups.keys():
        return Probe(
            "limits",
            True,
            f"Memory, processors and processes are bounded by cgroups v{found.version}.",
        )
    missing = sorted({"cpu", "memory", "pids"} - found.groups.keys())
    return Probe(
        "limits",
        False,
        f"No cgroup bounds {', '.join(missing)} here; memory and processes are bounded one process at a time.",
        f"Run as root, or under: {DELEGATE}"
        if os.geteuid()
        else "Give this container a writable cgroup.",
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
