"""The habits of the house, as tests: what a reviewer would otherwise have to notice."""

import ast
import re
import subprocess
from pathlib import Path

from fastapi.routing import APIRoute

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
PACKAGES = ("keelway", "sandboxd")

UNMIRRORED = ROOT / "tests" / "unmirrored.txt"
"""Modules without a unit test of their own, each with the test that proves them. It may only shrink."""


def modules() -> list[Path]:
    return sorted(
        path.relative_to(SRC)
        for package in PACKAGES
        for path in (SRC / package).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    )


def excused() -> dict[str, str]:
    lines = [line for line in UNMIRRORED.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split(maxsplit=1) for line in lines)


def test_every_module_has_a_test_file_of_its_own_or_names_the_test_that_proves_it() -> None:
    missing: list[str] = []
    for module in modules():
        mirror = ROOT / "tests" / "unit" / module.with_name(f"test_{module.name}")
        if not mirror.exists() and module.as_posix() not in excused():
            missing.append(module.as_posix())
    assert missing == []


def test_no_excuse_outlives_its_module_or_its_test() -> None:
    known = {module.as_posix() for module in modules()}
    for module, proof in excused().items():
        mirror = ROOT / "tests" / "unit" / Path(module).with_name(f"test_{Path(module).name}")
        assert module in known, f"{module} is gone"
        assert not mirror.exists(), f"{module} has its test now: drop the line"
        assert (ROOT / proof).exists(), f"{proof} does not exist"


def test_no_class_is_named_for_what_kind_of_thing_it_is() -> None:
    allowed = {"SandboxManager"}
    for module in modules():
        for node in ast.walk(ast.parse((SRC / module).read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in allowed:
                assert not re.search(r"(Manager|Helper|Handler|Processor|Util)s?$", node.name), (
                    f"{module}: {node.name}"
                )


def test_modules_and_functions_stay_small_enough_to_hold_in_mind() -> None:
    for module in modules():
        source = (SRC / module).read_text()
        assert source.count("\n") <= 450, f"{module} has grown past 450 lines"
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 75, f"{module}: {node.name}"


def test_e2b_is_nowhere() -> None:
    for module in modules():
        assert "e2b" not in (SRC / module).read_text().lower(), module


def routes() -> list[APIRoute]:
    from keelway.app import create_app
    from keelway.settings import Settings

    found: list[APIRoute] = []
    pending = list(create_app(Settings()).routes)
    while pending:
        route = pending.pop()
        if isinstance(route, APIRoute):
            found.append(route)
        pending += getattr(route, "routes", None) or getattr(
            getattr(route, "original_router", None), "routes", []
        )
    return found


OPEN_ROUTES = {"/api/health", "/api/login", "/api/login/password", "/api/openapi.json"}
"""What somebody who has not logged in may call."""


def test_every_route_has_an_access_rule() -> None:
    from keelway.accounts import access

    rules = {access.current_caller, access.their_standing, access.can_create}
    checked = 0
    for route in routes():
        if not route.path.startswith("/api") or route.path in OPEN_ROUTES:
            continue
        calls: set[object] = set()
        pending = list(route.dependant.dependencies)
        while pending:
            dependant = pending.pop()
            calls.add(dependant.call)
            pending += dependant.dependencies
        assert calls & rules, f"{route.methods} {route.path}"
        checked += 1
    assert checked > 15


def test_the_openapi_file_is_fresh() -> None:
    from keelway.app import openapi_text

    assert (ROOT / "ui" / "openapi.json").read_text() == openapi_text(), "run script/generate"


def test_every_setting_is_documented() -> None:
    from keelway.settings import Settings

    text = (ROOT / "docs" / "operating.md").read_text()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = getattr(alias, "choices", None) or [f"KEELWAY_{name.upper()}"]
        assert any(str(one) in text for one in names), name


def test_every_error_code_is_documented() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    for module in modules():
        if module.parts[0] != "keelway":
            continue
        for node in ast.walk(ast.parse((SRC / module).read_text())):
            if isinstance(node, ast.ClassDef) and any(
                isinstance(base, ast.Name)
                and (base.id in {"NotFound", "Forbidden", "Invalid", "Conflict", "Unavailable"})
                for base in node.bases
            ):
                assert f"`{node.name}`" in text, f"{node.name} is not in docs/errors.md"


def test_no_commit_names_a_registry_or_a_path_of_this_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    host = re.compile(
        r"https?://(?!127\.)[^/\s\"']*(registry|pypi|npmjs|pythonhosted)[^\s\"']*", re.IGNORECASE
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix not in {".json", ".txt", ".toml", ".py", ".sh", ".ts", ".tsx", ".yml"}:
            continue
        text = path.read_text(errors="replace")
        assert not host.search(text), f"{name}: {host.search(text)}"
        assert "/work/" + "main" not in text, name
