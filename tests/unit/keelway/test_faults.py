import ast
from pathlib import Path
from typing import get_args

import pytest

from keelway import faults

SRC = Path(faults.__file__).parent


def test_without_a_hook_a_point_does_nothing() -> None:
    assert faults.hook is None
    faults.point("store.before_commit")


def test_a_hook_is_told_where_the_world_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []
    monkeypatch.setattr(faults, "hook", reached.append)
    faults.point("store.after_commit")
    assert reached == ["store.after_commit"]


def test_every_named_point_is_somewhere_in_the_code() -> None:
    used: set[str] = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and ast.unparse(node.func) == "faults.point"
                and isinstance(node.args[0], ast.Constant)
            ):
                used.add(str(node.args[0].value))
    assert used == set(get_args(faults.Point))
