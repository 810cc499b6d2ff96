"""How long a person waits: a start, a new project, the first preview, a restore. `script/bench [RUNS]`.

A `keelway up` of its own, the demo model, nothing else on the machine, please.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path

import httpx
from tests.support.server import Server, say

TARGETS = {"create": 30.0, "restore": 10.0}
"""Seconds, as the service promises them."""


async def main(runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="kw-bench-", dir="/tmp") as folder:
        server = Server(Path(folder) / "keelway")
        begun = time.monotonic()
        await server.start()
        print(f"first start, template built   {time.monotonic() - begun:8.2f} s")
        try:
            async with server.client() as client:
                await measure(client, runs)
            await server.stop()
            begun = time.monotonic()
            await server.start()
            print(f"second start                  {time.monotonic() - begun:8.2f} s")
        finally:
            await server.stop()
    print(f"on {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")


async def measure(client: httpx.AsyncClient, runs: int) -> None:
    created: list[float] = []
    turns: list[float] = []
    restored: list[float] = []
    for _ in range(runs):
        project = (await client.post("/api/projects", json={"name": "Bench"})).json()["id"]
        path = f"/api/projects/{project}"
        created.append(await timed(client.post(f"{path}/recover")))
        turns.append(await timed(say(client, project, "a todo list")))
        restored.append(await timed(client.post(f"{path}/fragments/v1/restore")))
        await client.delete(path)
    show("create: project to preview", created, TARGETS["create"])
    show("turn: the demo's todo list", turns, None)
    show("restore: v1, checked", restored, TARGETS["restore"])


async def timed(work: Awaitable[object]) -> float:
    begun = time.monotonic()
    answer = await work
    if isinstance(answer, httpx.Response):
        answer.raise_for_status()
    return time.monotonic() - begun


def show(name: str, seconds: list[float], target: float | None) -> None:
    worst = max(seconds)
    text = (
        f"{name:28}  p50 {statistics.median(seconds):6.2f} s  max {worst:6.2f} s  n={len(seconds)}"
    )
    print(text + (f"  target {target:.0f} s" if target else ""))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
