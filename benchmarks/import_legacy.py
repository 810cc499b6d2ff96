"""What an import costs: versions of 300 files, about 1.5 MB each, from a dump.

    python benchmarks/import_legacy.py [VERSIONS] [PROJECTS]      (1,000 in 1)

Prints seconds, versions a second, peak memory, and the sizes of dump and database. The bar: 1,000 versions
under 60 s, memory flat in their number (compare 200 with 1,000).
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from keelway.cli.importing import Wish, bring_over
from keelway.settings import Settings

FILES = 300
SIZE = 5_000
WORDS = [
    "const",
    "return",
    "export",
    "import",
    "function",
    "value",
    "state",
    "props",
    "list",
    "item",
    "garden",
]


def text(chance: random.Random, size: int) -> str:
    return "\n".join(
        " ".join(chance.choice(WORDS) for _ in range(8)) + f" {chance.random()}"
        for _ in range(size // 70)
    )


def write_dump(path: Path, versions: int, projects: int) -> None:
    """One to five files change from version to version."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as out:
        out.write('COPY public."Project" (id, name, "createdAt", "updatedAt") FROM stdin;\n')
        for project in range(projects):
            out.write(f"p{project}\tApp {project}\t2025-01-01 00:00:00\t2025-01-01 00:00:00\n")
        out.write("\\.\n")
        out.write(
            'COPY public."V2Fragment" (id, "createdAt", "updatedAt", title, files, "projectId")'
            " FROM stdin;\n"
        )
        for project in range(projects):
            files = {f"src/part{n % 20}/file{n}.tsx": text(chance, SIZE) for n in range(FILES)}
            for number in range(versions):
                for path_ in chance.sample(sorted(files), chance.choice([1, 1, 1, 3, 5])):
                    files[path_] = text(chance, SIZE)
                stamp = (
                    f"2025-02-{1 + number // 1440:02} {number // 60 % 24:02}:{number % 60:02}:00"
                )
                body = json.dumps(files).replace("\\", "\\\\")
                out.write(
                    f"p{project}-{number}\t{stamp}\t{stamp}\tStep {number}\t{body}\tp{project}\n"
                )
        out.write("\\.\n")


async def main(versions: int, projects: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_dump(home / "dump.sql", versions, projects)
        print(f"dump: {(home / 'dump.sql').stat().st_size / 1e6:,.0f} MB")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        wish = Wish(str(home / "dump.sql"), home / "report.json", (), "none", None)
        status = await bring_over(Settings(home=home), wish)
        took = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"status {status}, {took:.1f} s, {versions * projects / took:.0f} versions/s")
        print(f"memory: {before / 1024:.0f} MB before, {peak / 1024:.0f} MB at most")
        print(f"database: {(home / 'keelway.db').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(given[0] if given else 1000, given[1] if len(given) > 1 else 1))
