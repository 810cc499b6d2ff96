"""`keelway doctor`: what this machine can and cannot do, and the next action for each problem."""

from keelway.cli.home import running
from keelway.cli.progress import Progress
from keelway.local import Check, check_machine, check_port
from keelway.settings import Settings


async def report(settings: Settings, progress: Progress) -> int:
    """Print every check; the exit status: 0 when all are fine, else 1."""
    with progress.step("Looking at this machine"):
        checks = await check_machine(settings)
    checks += _ports(settings)
    for check in checks:
        progress.say(line(check))
    bad = [check for check in checks if not check.ok]
    if bad:
        progress.say(f"\n{len(bad)} of {len(checks)} checks found a problem.")
        return 1
    progress.say("\nEverything that Keelway needs is there.")
    return 0


def line(check: Check) -> str:
    """One check as a person reads it."""
    text = f"{'fine   ' if check.ok else 'PROBLEM'}  {check.name}: {check.message}"
    return text if check.ok or not check.action else f"{text}\n         -> {check.action}"


def _ports(settings: Settings) -> list[Check]:
    owner = running(settings.home)
    if owner is not None:
        said = f"Keelway serves at {owner.address} (process {owner.pid})."
        return [Check("ports", True, said, None)]
    return [check_port(settings.host, port) for port in (settings.port, settings.port + 1)]
