"""What can go wrong where fragments and machines meet."""

from keelway.errors import Conflict, Invalid, KeelwayError, Unavailable


class WorkspaceError(KeelwayError):
    """Something about a workspace; the sentence says what."""


class WorkspaceBusy(WorkspaceError, Conflict):
    """Somebody else is writing in this project right now.

    The code is `TurnRunning` when it is a turn, so that the page offers to stop it.
    """


class RestoreFailed(WorkspaceError, Unavailable):
    """The version is written and kept, but no sandbox could be made equal to it."""


class RecoveryFailed(WorkspaceError, Unavailable):
    """No rung of the ladder held; one line per rung."""


class InstallFailed(WorkspaceError):
    """The packages could not be installed; below the first line are npm's last ones."""

    def split(self) -> tuple[str, str | None]:
        """The sentence, and npm's own words."""
        sentence, _, said = self.message.partition("\n")
        return sentence, said or None


class NoMachine(WorkspaceError, Unavailable):
    """Only the files are there: no machine could be started."""


class BadPattern(WorkspaceError, Invalid):
    """Not an extended regular expression that grep takes."""
