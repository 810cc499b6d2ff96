"""What runs inside a sandbox as one interpreter context. Stands alone: it is sent as text.

Standard input is a socket to the engine: a line of JSON per execution comes in, errors and the end
go out. What the code prints goes to the real standard output and error.
"""

import json
import os
import socket
import sys
import traceback
from typing import Any


def main() -> None:
    engine = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    for line in engine.makefile("r"):
        request = json.loads(line)
        error = run(request["code"], request.get("envs") or {}, space)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        engine.sendall(json.dumps({"error": error}).encode() + b"\n")


def run(code: str, envs: "dict[str, str]", space: "dict[str, Any]") -> "dict[str, str] | None":
    """Execute `code` in `space`; returns what it raised."""
    before = dict(os.environ)
    os.environ.update(envs)
    try:
        exec(compile(code, "<code>", "exec"), space)  # noqa: S102 - that is the purpose
    except BaseException as error:  # noqa: BLE001 - reported to whoever sent the code
        trace = traceback.format_exception(type(error), error, error.__traceback__)
        return {
            "name": type(error).__name__,
            "value": str(error),
            "traceback": "".join(trace),
        }
    finally:
        os.environ.clear()
        os.environ.update(before)
    return None


if __name__ == "__main__":
    main()
