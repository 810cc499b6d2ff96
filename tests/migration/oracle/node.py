"""One Node process that answers JSON lines with JSON lines."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.node import node_path

HERE = Path(__file__).parent


class Node:
    """A script of this folder, asked line by line."""

    def __init__(self, script: str) -> None:
        self.run = subprocess.Popen(
            [node_path(), HERE / script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            encoding="utf-8",
        )  # fmt: skip

    def ask(self, question: Any) -> Any:
        """What the script says to one question; raises when it died of it."""
        assert self.run.stdin
        assert self.run.stdout
        self.run.stdin.write(json.dumps(question) + "\n")
        self.run.stdin.flush()
        line = self.run.stdout.readline()
        assert line, f"node died (exit status {self.run.wait()})"
        return json.loads(line)


@contextmanager
def opened(script: str) -> Generator[Node]:
    """A Node process that ends with the block."""
    asked = Node(script)
    try:
        yield asked
    finally:
        assert asked.run.stdin
        assert asked.run.stdout
        asked.run.stdin.close()
        asked.run.wait(timeout=10)
        asked.run.stdout.close()
