"""Processes that can be ended for certain: also children that left their group and session."""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Mapping, Sequence

from sandboxd.errors import SpawnFailed
from sandboxd.runtime.runtime import Machine, Process

log = logging.getLogger(__name__)

MARK = "SANDBOXD_JOB"

# Finds every process that carries the mark in its environment, or descends from the leader ($2, 0
# when that has ended), and kills until a look finds none. Run inside, where pids mean something.
_REAP = r"""
i=0
while [ $i -lt 50 ]; do
  i=$((i + 1))
  marked=$(grep -zlsxF -- "SANDBOXD_JOB=$1" /proc/[0-9]*/environ)
  all=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v marked="$marked" -v leader="$2" '
    { pid = $1; sub(/^.*\) /, ""); if ($1 != "Z" && pid != 1) { up[pid] = $2; lead[pid] = $4 } }
    END {
      n = split(marked, paths, "\n")
      for (k = 1; k <= n; k++) { split(paths[k], part, "/"); hit[part[3]] = 1 }
      if (leader > 1) hit[leader] = 1
      do {
        more = 0
        for (p in up) if (!(p in hit) && ((up[p] in hit) || lead[p] == leader)) {
          hit[p] = 1; more = 1
        }
      } while (more)
      for (p in hit) if (p in up) print p
    }') || all=$(printf '%s\n' "$marked" | tr -dc '0-9\n')
  [ -z "$all" ] && exit 0
  kill -9 $all 2>/dev/null
done
exit 1
"""


class Job:
    """One process group of a machine, with the mark that its descendants carry."""

    def __init__(self, machine: Machine, process: Process, mark: str) -> None:
        self._machine = machine
        self.process = process
        self.mark = mark

    @property
    def pid(self) -> int:
        return self.process.pid

    async def wait(self) -> int:
        return await self.process.wait()

    async def signal(self, number: int) -> None:
        await self.process.signal(number)

    async def end(self) -> None:
        """Kill the group and whatever came from it, wherever it went. Returns when all are dead."""
        await end(self._machine, self.mark, self.process)


def new_mark() -> str:
    return secrets.token_hex(12)


async def start(
    machine: Machine,
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    mark: str | None = None,
) -> Job:
    """Start `argv` marked; the caller closes its descriptors. Raises `SpawnFailed`."""
    mark = mark or new_mark()
    process = await machine.spawn(
        argv, env={**env, MARK: mark}, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr
    )
    return Job(machine, process, mark)


async def end(machine: Machine, mark: str, leader: Process | None) -> None:
    """Kill all processes of `mark`, and all that descend from `leader` while it still lives."""
    if leader is None:
        await reap(machine, mark)
        return
    # Stopped, not killed: children that cleared their environment are known by their parent only.
    await leader.signal(signal.SIGSTOP)
    await reap(machine, mark, leader.pid)
    await leader.signal(signal.SIGKILL)


async def reap(machine: Machine, mark: str, leader: int = 0) -> None:
    """Kill all processes of `mark`. When even that cannot be started, everything in the machine."""
    for attempt in range(5):
        try:
            if await _reap_once(machine, mark, leader) == 0:
                return
        except SpawnFailed as error:
            log.warning("machine %s: cannot start the reaper: %s", machine.id, error.message)
            await asyncio.sleep(0.01 * attempt)
    log.warning("machine %s: killing everything, job %s would not end", machine.id, mark)
    await machine.kill_all()


async def _reap_once(machine: Machine, mark: str, leader: int) -> int:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        process = await machine.spawn(
            ["/bin/sh", "-c", _REAP, "reap", mark, str(leader)],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"},
            cwd="/",
            stdin=null,
            stdout=null,
            stderr=null,
        )
    finally:
        os.close(null)
    return await process.wait()
