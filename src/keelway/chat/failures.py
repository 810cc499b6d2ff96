"""Why a run ended, as one plain sentence and a code; and whether trying again makes sense."""

from dataclasses import dataclass

from pydantic_ai import exceptions as ai

from keelway.errors import KeelwayError

TRIES = 3
"""How often a model request is made before the turn fails."""
LONGEST_WAIT = 60.0
"""A provider that asks for more patience has failed, seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`wait`: seconds until another try makes sense; None when none does."""

    code: str
    message: str
    wait: float | None = None


_PASSING = {408, 409, 425, 429, *range(500, 600)}
"""HTTP answers after which the same request may succeed."""
_SENTENCES: tuple[tuple[type[Exception], str, str], ...] = (
    (ai.ModelAuthenticationError, "ModelKeyRefused", "{0} did not accept the model's key."),
    (ai.ModelQuotaExceededError, "ModelQuota", "{0} says that the account has no credit left."),
    (ai.ModelRateLimitError, "ModelBusy", "{0} said 429, too many requests."),
    (ai.ModelUnavailableError, "ModelUnavailable", "{0} has a problem of its own."),
    (ai.ModelServerError, "ModelUnavailable", "{0} has a problem of its own."),
    (ai.ModelConnectionError, "ModelUnreachable", "{0} did not answer."),
    (ai.ModelRequestTimeout, "ModelUnreachable", "{0} did not answer in time."),
    (ai.ModelNotFoundError, "ModelNotFound", "{0} does not know this model."),
    (
        ai.ModelContextWindowExceededError,
        "ModelContextFull",
        "The conversation has become too long for the model.",
    ),
    (ai.ModelAPIError, "ModelFailed", "{0} could not answer this request."),
    (ai.UsageLimitExceeded, "TurnLimit", "The turn reached its limit of model requests."),
    (ai.RunTimedOut, "TurnLimit", "The turn reached its time limit."),
    (ai.UnexpectedModelBehavior, "ModelConfused", "The model made the same mistake over and over."),
)
"""The first that fits counts. {0}: whom the model belongs to."""
UNEXPECTED = "InternalError"


def explain(error: BaseException, provider: str, tries: int) -> Failure:
    """What happened, in words for the person.

    Args:
        error: What ended the run.
        provider: Whom the model belongs to, as the beginning of a sentence.
        tries: How many tries have failed now, this one included.
    """
    if isinstance(error, KeelwayError):
        return Failure(error.code, error.message)
    for kind, code, sentence in _SENTENCES:
        if isinstance(error, kind):
            return Failure(code, sentence.format(provider), _wait(error, tries))
    return Failure(UNEXPECTED, "That did not work: the server met an error it did not expect.")


def _wait(error: BaseException, tries: int) -> float | None:
    """How long to wait before the next try; None when there is none."""
    lasting = (ai.ModelRequestRejectedError, ai.ModelQuotaExceededError)
    if tries >= TRIES or not isinstance(error, ai.ModelAPIError) or isinstance(error, lasting):
        return None
    if isinstance(error, ai.ModelHTTPError) and error.status_code not in _PASSING:
        return None
    asked = error.retry_after
    if asked is not None:
        return asked if asked <= LONGEST_WAIT else None
    return float(2 ** (tries - 1))
