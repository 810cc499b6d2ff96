import io
import socket
from pathlib import Path

from keelway.cli.doctor import line, report
from keelway.cli.home import locked
from keelway.cli.progress import Progress
from keelway.local import Check
from keelway.settings import Settings


def test_a_problem_comes_with_its_next_action() -> None:
    assert line(Check("git", True, "It is there.", None)) == "fine     git: It is there."
    assert line(Check("git", False, "There is no git.", "Install it.")) == (
        "PROBLEM  git: There is no git.\n         -> Install it."
    )


async def test_a_port_that_is_taken_is_a_problem(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        out = io.StringIO()
        status = await report(Settings(home=home, port=port), Progress(out))
    assert status == 1
    assert f"PROBLEM  port {port}" in out.getvalue()
    assert "-> Choose another with --port." in out.getvalue()


async def test_the_ports_of_our_own_server_are_no_problem(home: Path) -> None:
    with locked(home) as lock:
        lock.announce("http://keelway.localhost:8420")
        out = io.StringIO()
        await report(Settings(home=home), Progress(out))
    assert "fine     ports: Keelway serves at http://keelway.localhost:8420" in out.getvalue()
