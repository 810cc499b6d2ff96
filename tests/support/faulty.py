"""`keelway` with a killer aboard: SIGKILLs its own process at a random moment inside a chosen phase.

`KEELWAY_TEST_KILL` is JSON: {"phase": "write"|"command"|"restore"|"any", "nth": 3, "delay": 0.02,
"journal": "/path"}. At the nth entry into the phase a timer of `delay` seconds starts; when it fires,
whether the phase was still going on is written to the journal, synced, and the process dies.
"""

import json
import os
import signal
import sys
import threading
import time

from keelway import cli, faults

BEGIN = {
    "write": "store.before_commit",
    "command": "workspace.command_started",
    "restore": "restore.begun",
    "any": "turn.leased",
}
END = {
    "write": "workspace.after_send",
    "command": "workspace.command_ended",
    "restore": "restore.done",
    "any": "never",
}


class Killer:
    """Counts entries into one phase and knows whether it is inside."""

    def __init__(self, phase: str, nth: int, delay: float, journal: str) -> None:
        self.begin, self.end = BEGIN[phase], END[phase]
        self.phase, self.left, self.delay, self.journal = phase, nth, delay, journal
        self.inside = False

    def __call__(self, point: str) -> None:
        if point == self.begin:
            self.inside = True
            self.left -= 1
            if self.left == 0:
                threading.Thread(target=self.strike, daemon=True).start()
        elif point == self.end:
            self.inside = False

    def strike(self) -> None:
        time.sleep(self.delay)
        said = f"{self.phase if self.inside else 'outside'}\n".encode()
        journal = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(journal, said)
        os.fsync(journal)
        os.kill(os.getpid(), signal.SIGKILL)


def run() -> None:
    """`keelway` with sys.argv, and the killer that the environment wishes for."""
    wish = os.environ.get("KEELWAY_TEST_KILL")
    if wish:
        faults.hook = Killer(**json.loads(wish))
    cli.main()


if __name__ == "__main__":
    sys.argv[0] = "keelway"
    run()
