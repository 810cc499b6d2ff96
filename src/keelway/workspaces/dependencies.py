"""Install packages when the manifest or the lock file says so.

What is installed is noted in the sandbox, beside the working tree. The commands leave both files as
they are, so that the sandbox still equals its version afterwards.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from keelway.sandboxes.errors import SandboxTimeout
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces.errors import InstallFailed
from keelway.workspaces.manifest import INSTALLED, ROOT

FILES = ("package.json", "package-lock.json", ".npmrc")
"""What decides which packages are installed."""

SECTIONS = (
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "overrides",
    "workspaces",
)
SECONDS = 240

FLAGS = "--no-audit --no-fund --loglevel=error"
INSTALL = (
    f"{{ test -f package-lock.json && npm ci {FLAGS}; }} || "
    f"npm install --no-save --no-package-lock {FLAGS}"
)


def key(files: Mapping[str, bytes]) -> str:
    """A name for what these files install; empty when there is no manifest. Scripts do not count."""
    manifest = files.get("package.json")
    if manifest is None:
        return ""
    digest = hashlib.sha256()
    for part in (_wanted(manifest), *(files.get(name, b"") for name in FILES[1:])):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _wanted(manifest: bytes) -> bytes:
    try:
        read: object = json.loads(manifest)
    except ValueError:
        return manifest
    if not isinstance(read, dict):
        return manifest
    data = cast("dict[str, Any]", read)
    return json.dumps({name: data.get(name) for name in SECTIONS}, sort_keys=True).encode()


async def install(sandbox: Sandbox, wanted: str, *, seconds: int = SECONDS) -> None:
    """Make `node_modules` what the lock file says, then note it.

    Raises:
        InstallFailed: npm's last lines.
    """
    try:
        done = await sandbox.exec(f"cd {ROOT} && {{ {INSTALL}; }} </dev/null", seconds=seconds)
    except SandboxTimeout as error:
        raise InstallFailed(f"npm install took longer than {seconds} s.") from error
    if done.exit_code != 0:
        raise InstallFailed("npm install failed.\n" + tail(done.output))
    await note(sandbox, wanted)


async def note(sandbox: Sandbox, wanted: str) -> None:
    """Say in the sandbox that these packages are installed."""
    await sandbox.write({INSTALLED: wanted.encode()})


def tail(output: str, limit: int = 1500) -> str:
    """The last lines of a log, without npm's remark on where the whole of it lies."""
    lines = [line for line in output.strip().splitlines() if "complete log of this run" not in line]
    return "\n".join(lines)[-limit:]
