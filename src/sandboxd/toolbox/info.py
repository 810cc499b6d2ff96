"""What a sandbox tells about itself (ENGINE-CONTRACT 4.1)."""

import time

from pydantic import BaseModel, Field, StrictStr
from starlette.responses import Response

from sandboxd.errors import BadRequest
from sandboxd.settings import HOME_DIR, VERSION
from sandboxd.store import now
from sandboxd.toolbox.execute import run
from sandboxd.toolbox.inside import Inside, inside
from sandboxd.wire import Call, Routes, answer, to_int

routes = Routes()

# Memory of all processes, their CPU ticks, the file system, open ports: what /proc tells inside.
_METRICS = r"""
cat /proc/[0-9]*/stat 2>/dev/null | awk '{ sub(/^.*\) /, ""); t += $12 + $13; m += $22 }
  END { printf "%d %d\n", t, m }'
df -kP / | awk 'NR == 2 { print $2, $3, $4 }'
"""
_PORTS = r"""
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { split($2, a, ":"); print a[2] }'
"""


class EnvBody(BaseModel):
    set_: dict[StrictStr, StrictStr] = Field(default_factory=dict, alias="set")
    unset: list[StrictStr] = Field(default_factory=list)
    unset_prefix: StrictStr | None = Field(default=None, alias="unsetValuePrefix")


@routes.route("GET", "/user-home-dir")
@routes.route("GET", "/work-dir")
@routes.route("GET", "/project-dir")
async def home_dir(call: Call) -> Response:
    inside(call)
    return answer({"dir": HOME_DIR})


@routes.route("GET", "/version")
async def version(call: Call) -> Response:
    inside(call)
    return answer({"version": VERSION})


@routes.route("GET", "/system/metrics")
async def metrics(call: Call) -> Response:
    within = inside(call)
    ticks, memory, disk = await _measure(within)
    started = time.monotonic()
    later, memory, disk = await _measure(within)
    spent = max(time.monotonic() - started, 0.005)
    record = call.box.record
    used = (later - ticks) / 100 / spent / record.cpu * 100
    return answer(
        {
            "cpuCount": record.cpu,
            "cpuUsedPct": round(min(100.0, max(0.0, used)), 2),
            "memTotal": record.memory * 1024**3,
            "memUsed": memory,
            "memCache": 0,
            "diskTotal": disk[0],
            "diskUsed": disk[1],
            "diskFree": disk[2],
            "timestamp": now(),
            "timestampUnix": int(time.time()),
        }
    )


async def _measure(within: Inside) -> tuple[int, int, list[int]]:
    _, output = await run(within, ["/bin/sh", "-c", _METRICS], cwd="/", seconds=5)
    lines = [[int(word) for word in line.split()] for line in output.splitlines()]
    if len(lines) != 2 or len(lines[0]) != 2 or len(lines[1]) != 3:
        return 0, 0, [0, 0, 0]
    return lines[0][0], lines[0][1] * 4096, [blocks * 1024 for blocks in lines[1]]


@routes.route("POST", "/env")
async def set_env(call: Call) -> Response:
    inside(call)
    body = await call.model(EnvBody)
    kept = {
        name: value
        for name, value in call.box.record.env.items()
        if name not in body.unset
        and not (body.unset_prefix and value.startswith(body.unset_prefix))
    }
    await call.engine.set_env(call.box, kept | body.set_)
    return answer(call.box.record.env)


@routes.route("GET", "/port")
async def ports(call: Call) -> Response:
    return answer({"ports": sorted(await _listening(inside(call)))})


@routes.route("GET", "/port/{port}/in-use")
async def port_in_use(call: Call) -> Response:
    port = to_int(call.params["port"], "port")
    if not 1 <= port <= 65535:
        raise BadRequest("port must be between 1 and 65535")
    return answer({"isInUse": port in await _listening(inside(call))})


async def _listening(within: Inside) -> set[int]:
    _, output = await run(within, ["/bin/sh", "-c", _PORTS], cwd="/", seconds=5)
    return {int(word, 16) for word in output.split()}
