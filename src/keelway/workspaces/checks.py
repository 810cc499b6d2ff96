"""Is the app all right? Structure, packages, types, dev server, page."""

import json
from typing import Any, cast

from keelway.fragments.tree import Tree
from keelway.sandboxes.errors import SandboxTimeout
from keelway.sandboxes.sandbox import Sandbox
from keelway.workspaces import dependencies, dev_server, preview
from keelway.workspaces.errors import InstallFailed
from keelway.workspaces.manifest import ROOT, look
from keelway.workspaces.values import Check

TYPES_SECONDS = 90
PAGE_SECONDS = 10
SHOWN = 3000
"""Characters of a program's answer that a check repeats."""


async def run(sandbox: Sandbox, wanted: str, tree: Tree) -> list[Check]:
    """All checks, in the order in which a failure explains the next ones."""
    found = [await _structure(sandbox, tree)]
    if not found[0].passed:
        return found
    packages = await _packages(sandbox, wanted)
    found.append(packages)
    if packages.passed:
        found.append(await _types(sandbox))
    found.append(await _server(sandbox))
    found.append(await _page(sandbox, found[-1]))
    return found


async def install_missing(sandbox: Sandbox, wanted: str) -> bool:
    """Install unless it is installed; whether it had to be. InstallFailed."""
    if not wanted or (await look(sandbox)).installed == wanted:
        return False
    await dependencies.install(sandbox, wanted)
    return True


async def scripts(sandbox: Sandbox) -> dict[str, Any]:
    """The manifest's scripts. FileNotFoundError; ValueError when it is not JSON."""
    data: object = json.loads(await sandbox.read(f"{ROOT}/package.json"))
    found = cast("dict[str, Any]", data).get("scripts") if isinstance(data, dict) else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


async def _structure(sandbox: Sandbox, tree: Tree) -> Check:
    try:
        known = await scripts(sandbox)
    except FileNotFoundError:
        return Check("structure", False, "There is no package.json.")
    except ValueError as error:
        return Check("structure", False, f"package.json is not valid JSON: {error}")
    if "dev" not in known:
        return Check("structure", False, "package.json has no dev script.")
    if "index.html" not in tree and "vite" in str(known["dev"]):
        return Check("structure", False, "There is no index.html.")
    return Check("structure", True, f"{len(tree)} files.")


async def _packages(sandbox: Sandbox, wanted: str) -> Check:
    try:
        installed = await install_missing(sandbox, wanted)
    except InstallFailed as error:
        return Check("packages", False, error.message)
    return Check("packages", True, "Installed just now." if installed else "Installed.")


async def _types(sandbox: Sandbox) -> Check:
    known = await scripts(sandbox)
    command = (
        "npm run --silent typecheck" if "typecheck" in known else "npx --no-install tsc --noEmit"
    )
    guard = "" if "typecheck" in known else "test -f tsconfig.json || exit 0; "
    try:
        done = await sandbox.exec(
            f"cd {ROOT} && {{ {guard}{command}; }} </dev/null", seconds=TYPES_SECONDS
        )
    except SandboxTimeout:
        return Check("types", False, f"The type check took longer than {TYPES_SECONDS} s.")
    said = done.output.strip()[:SHOWN]
    return Check("types", done.exit_code == 0, said or "No errors.")


async def _server(sandbox: Sandbox) -> Check:
    await dev_server.ensure(sandbox)
    answer = await dev_server.answered(sandbox, seconds=PAGE_SECONDS)
    server = await dev_server.status(sandbox)
    said = trouble(await dev_server.log(sandbox))
    if server.process != "running":
        return Check("dev server", False, f"It ended with exit code {server.exit_code}. {said}")
    if answer.status is None:
        return Check("dev server", False, f"Nothing answers on port {dev_server.PORT}. {said}")
    return Check("dev server", not said, said or f"Runs on port {dev_server.PORT}.")


async def _page(sandbox: Sandbox, server: Check) -> Check:
    """The page, and the modules that it loads: a syntax error shows there and not in the page."""
    link = await sandbox.preview_link(dev_server.PORT)
    answer = await preview.ask(link, seconds=PAGE_SECONDS)
    if answer.status is None:
        return Check("page", False, "No page: " + (server.message or "nothing answers."))
    if not answer.ok:
        return Check("page", False, f"HTTP {answer.status}. {answer.body[:500]}")
    broken = await preview.broken_module(link, answer.body)
    if broken is not None:
        return Check("page", False, broken[:SHOWN])
    return Check("page", True, f"HTTP {answer.status}.")


def trouble(log: str) -> str:
    """The last error in a dev server's log, if something went wrong after the last good news."""
    lines = log.splitlines()
    last_bad = max((at for at, line in enumerate(lines) if _bad(line)), default=-1)
    last_good = max((at for at, line in enumerate(lines) if _good(line)), default=-1)
    if last_bad < 0 or last_good > last_bad:
        return ""
    return "\n".join(lines[last_bad : last_bad + 12])[:SHOWN]


def _bad(line: str) -> bool:
    low = line.lower()
    return "error" in low and "0 error" not in low and "overlay" not in low


def _good(line: str) -> bool:
    return "ready in" in line or "hmr update" in line or "page reload" in line
