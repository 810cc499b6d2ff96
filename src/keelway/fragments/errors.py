"""What can go wrong with versions."""

from keelway.errors import Conflict, Invalid, KeelwayError, NotFound, Unavailable


class FragmentError(KeelwayError):
    """Base of this package's errors."""


class FragmentNotFound(FragmentError, NotFound):
    """No such fragment, branch or file in this project."""


class UnsafePath(FragmentError, Invalid):
    """A version may not hold this path; the message is a sentence for the model or the person."""


class PathClash(FragmentError, Invalid):
    """A file stands where a folder is needed, or the other way round."""


class FileTooLarge(FragmentError, Invalid):
    """A file is larger than a version may hold; `context["path"]` names it."""


class Fenced(FragmentError, Conflict):
    """Somebody else took the lease since: this writer may not write any more."""


class BranchBusy(FragmentError, Conflict):
    """The branch moved again and again while a change was being added; try again."""

    retryable = True


class StoreUnavailable(FragmentError, Unavailable):
    """The database did not answer; whether the change was stored is unknown until it does."""


class CacheBroken(FragmentError):
    """The database's objects could not be made into a repository: rows are missing or damaged."""
