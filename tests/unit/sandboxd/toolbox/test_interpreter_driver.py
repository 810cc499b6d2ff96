import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from sandboxd.toolbox import interpreter_driver

DRIVER = Path(interpreter_driver.__file__)


def test_a_context_keeps_its_variables_and_reports_errors() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", DRIVER.read_text()],
            stdin=theirs.fileno(),
            stdout=subprocess.PIPE,
        )
        theirs.close()
        lines = ours.makefile("r")
        errors: list[object] = []
        for code, envs in (
            ("import os; x = 1; print(os.environ['A'])", {"A": "env"}),
            ("print(x, 'A' in os.environ)", {}),
            ("1/0", {}),
            ("def", {}),
            ("raise SystemExit(3)", {}),
            ("print('alive')", {}),
        ):
            ours.sendall(json.dumps({"code": code, "envs": envs}).encode() + b"\n")
            error = json.loads(lines.readline())["error"]
            errors.append(error and error["name"])
        lines.close()
    output, _ = process.communicate(timeout=10)
    assert errors == [None, None, "ZeroDivisionError", "SyntaxError", "SystemExit", None]
    assert output.decode().split() == ["env", "1", "False", "alive"]
    assert process.returncode == 0
    assert "A" not in os.environ
