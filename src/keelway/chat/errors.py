"""What can go wrong with turns."""

from keelway.errors import Conflict, Invalid, KeelwayError


class TurnError(KeelwayError):
    """Base of this package's errors."""


class TurnRunning(TurnError, Conflict):
    """The project has a turn at work already."""


class TooManyTurns(TurnError, Conflict):
    """The person or the server has as many turns at work as it may."""

    retryable = True


class PromptTooLong(TurnError, Invalid):
    """More text than a turn may begin with."""


class NothingSaid(TurnError, Invalid):
    """The message holds no text."""


class TurnLost(TurnError, Conflict):
    """Another server took the turn over: this one may write nothing more of it."""


class AnswerTooLong(TurnError):
    """The model said more than a turn takes."""
