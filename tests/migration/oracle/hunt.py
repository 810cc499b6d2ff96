"""`python -m tests.migration.oracle.hunt FIRST COUNT [--lines] [--lone] [--raw]`: many seeds, by hand."""

import argparse
import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.migration.oracle.judge import Verdict, judge
from tests.migration.oracle.node import Node, opened
from tests.support.legacy import import_from

BATCH = 20


async def hunt(
    node: Node, seeds: list[int], form: str, wish: dict[str, Any], base: str = "none"
) -> Verdict:
    """Import the worlds of some seeds together, and hold each against its truth."""
    verdict = Verdict()
    home = Path(tempfile.mkdtemp(prefix="oracle-"))
    try:
        folder = home / "source"
        told = node.ask({"seeds": seeds, "folder": str(folder), "form": form, "wish": wish})
        source = folder / "old.sql" if form == "dump" else folder
        _, report = await import_from(source, home / "data", base=base)
        said = {one["id"]: one for one in report["projects"]}
        for one in told:
            if one["id"] in said:
                try:
                    judge(home / "data", one, said[one["id"]], verdict)
                except subprocess.CalledProcessError as error:
                    verdict.wrong.append(f"{one['id']}: git failed: {error} {error.stderr}")
            else:
                verdict.wrong.append(f"{one['id']}: not in the report; {report['problems'][:3]}")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return verdict


def main() -> None:
    """Print what was found, as it is found."""
    asked = argparse.ArgumentParser()
    asked.add_argument("first", type=int)
    asked.add_argument("count", type=int)
    for flag in ("lines", "lone", "raw", "hard", "base", "missed"):
        asked.add_argument(f"--{flag}", action="store_true")
    wish = asked.parse_args()
    all_ = Verdict()
    with opened("emit.mjs") as node:
        for first in range(wish.first, wish.first + wish.count, BATCH):
            seeds = list(range(first, min(first + BATCH, wish.first + wish.count)))
            form = "lines" if wish.lines or wish.lone else "dump"
            base = "react-vite" if wish.base else "none"
            kinds = {"robbed": wish.hard, "lone": wish.lone, "raw": wish.raw, "hard": wish.hard}
            found = asyncio.run(hunt(node, seeds, form, kinds, base))
            for one in found.wrong:
                print("WRONG", one, flush=True)
            for one in found.missed if wish.missed else []:
                print("MISSED", one, flush=True)
            for one in found.hopeless if wish.missed else []:
                print("HOPELESS", one, flush=True)
            all_.wrong += found.wrong
            all_.missed += found.missed
            all_.hopeless += found.hopeless
            all_.counts += found.counts
    for name, count in sorted(all_.counts.items()):
        print(f"{count:8} {name}")
    print(
        f"{wish.count} seeds, {len(all_.wrong)} wrong, {len(all_.missed)} missed, {len(all_.hopeless)} hopeless"
    )


if __name__ == "__main__":
    main()
