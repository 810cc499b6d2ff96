"""`keelway` that SIGKILLs its own process at the nth time it passes one named point.

`KEELWAY_TEST_POINT` is `point:nth`.
"""

import os
import signal
import sys

from keelway import cli, faults


class Killer:
    """Counts how often one point was passed."""

    def __init__(self, point: str, nth: int) -> None:
        self.point, self.left = point, nth

    def __call__(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    wish = os.environ.get("KEELWAY_TEST_POINT")
    if wish:
        name, _, nth = wish.partition(":")
        faults.hook = Killer(name, int(nth))
    sys.argv[0] = "keelway"
    cli.main()
